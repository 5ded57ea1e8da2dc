/**
 * A model in Python, beside Deno: pictures go to it through one channel, results come back through
 * another, and nobody polls. The model here tells how bright a picture is.
 *
 *     deno run --allow-ffi --allow-read --allow-run examples/model_server.ts [model.py]
 *
 * The models are in examples/python; `model_asyncio.py` is the same one in a program with asyncio.
 */
import { Channel, spawnWithChannel } from "@mmap/mmap/channel";
import { f64, struct, u32 } from "@mmap/mmap/struct";

const Header = struct({ number: u32, width: u32, height: u32 });
const Result = struct({ number: u32, brightness: f64 });

const [program = "model.py"] = Deno.args;
const [width, height] = [320, 200];

using results = Channel.of(Result).create({ capacity: 65536 });
using child = spawnWithChannel(
  "python3",
  [`${import.meta.dirname}/python/${program}`],
  {
    channel: { capacity: 1 << 20 }, // room for eight pictures: then sending waits
    env: {
      ...results.env("RESULTS"),
      PYTHONPATH: `${import.meta.dirname}/../languages/python`, // mmap_peer.py
      PYTHONDONTWRITEBYTECODE: "1",
    },
  },
);

/** A picture, written in the channel's own memory. */
function draw(number: number): boolean {
  using slot = child.channel.reserve(Header.byteLength + width * height);
  if (slot === null) return false; // full
  Header.at(slot.bytes).set({ number, width, height });
  slot.bytes.fill(number, Header.byteLength);
  slot.commit();
  return true;
}

let sent = 0;
let received = 0;
while (received < 50) {
  while (sent < 50 && draw(sent)) sent++;
  const result = await results.receive();
  if (result === null) throw new Error("The model has ended");
  if (result.number % 10 === 0) console.log(`picture ${result.number}: ${result.brightness}`);
  received++;
}
child.channel.closeSending();
const { code } = await child.process.status;
console.log(`the model ended with ${code}`);
