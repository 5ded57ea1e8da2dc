/** Servers and clients that do not keep to the rules, and memory that is damaged. */

import { assertEquals, assertRejects } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Channel, type Client, connect, serve, type Server } from "@mmap/mmap/channel";
import { join } from "@std/path";
import { attachPlaced, createPlaced } from "../../../src/channel/place.ts";
import { SERVER } from "../../../src/channel/kinds.ts";
import { HEADER_BYTE_LENGTH, RING } from "../../../src/channel/layout.ts";
import { TAIL } from "../../../src/channel/queue/queue_layout.ts";
import { type Connection, makeConnection } from "../../../src/channel/calls/connection.ts";
import * as frames from "../../../src/channel/calls/frames.ts";
import { Meeting } from "../../../src/channel/calls/meeting.ts";
import { checkMeeting, MEETING } from "../../../src/channel/calls/meeting_layout.ts";
import { FOR_EVER } from "../../../src/wait/patience.ts";
import { withTempDir } from "../../_files.ts";
import { bytes, textOf } from "../_channels.ts";
import { clientChild, echo, Held, openService, until } from "./_calls.ts";

const { InvalidData } = Deno.errors;

function meet(server: Server): Meeting {
  return new Meeting(attachPlaced(MmapRegion.attach(server.handle()), SERVER, checkMeeting));
}

/** Connects by hand, to send whatever the test likes. */
async function connectByHand(server: Server): Promise<Connection> {
  using meeting = meet(server);
  const { connection, text } = makeConnection(4096, Deno.pid);
  meeting.offer(text);
  assertEquals(await meeting.decided(FOR_EVER), true);
  return connection;
}

/** A message of any kind. */
function frame(kind: number, call: number, part: number[] = [], more = 0): Uint8Array {
  return new Uint8Array([kind, more, 0, 0, call, 0, 0, 0, ...part]);
}

/** Waits until the server has hung up, which is all that it may do. */
async function assertHungUp({ answers }: Connection): Promise<void> {
  while (await answers.receive() !== null) { /* the welcome, and answers to what was in order */ }
}

async function assertServes({ client }: { client: Client }): Promise<void> {
  assertEquals(textOf(await client.call(bytes("on"))), "on");
}

const BROKEN: Record<string, Uint8Array[]> = {
  "an empty message": [new Uint8Array()],
  "a message without a header": [new Uint8Array([frames.REQUEST, 0, 0])],
  "a kind that is none": [frame(99, 1)],
  "kind 0": [frame(0, 1)],
  "a flag that is none": [frame(frames.REQUEST, 1, [], 2)],
  "a second hello": [frame(frames.HELLO, 0)],
  "an answer": [frame(frames.ANSWER, 1)],
  "a welcome": [frame(frames.WELCOME, 0, [1, 0, 0, 0, 1, 0, 0, 0])],
  "one number for two calls": [frame(frames.REQUEST, 1, [1]), frame(frames.REQUEST, 1, [1])],
  "more of a call that was cancelled": [
    frame(frames.REQUEST, 1, [1], 1),
    frame(frames.CANCEL, 1),
    frame(frames.REQUEST, 1, [1]),
    frame(frames.REQUEST, 1, [1]),
  ],
  "a request that is too long": Array.from(
    { length: 3 },
    () => frame(frames.REQUEST, 1, Array(500).fill(1), 1),
  ),
  "too many calls": Array.from({ length: 9 }, (_, i) => frame(frames.REQUEST, i + 1, [1])),
};

for (const [what, messages] of Object.entries(BROKEN)) {
  Deno.test(`serve() hangs up on a client that sends ${what}, and goes on`, async () => {
    const held = new Held();
    const handler = (request: Uint8Array<ArrayBuffer>, info: Parameters<typeof held.handler>[1]) =>
      request[0] === 1 ? held.handler(request, info) : request;
    const options = { maxRequestByteLength: 1000, concurrency: 4, capacity: 4096 };
    await using service = openService(handler, options);
    const rogue = await connectByHand(service.server);
    for (const message of messages) await rogue.requests.send(message).catch(() => {});
    await assertHungUp(rogue);
    rogue[Symbol.dispose]();
    for (let i = 0; i < held.count; i++) (await held.next()).answer(bytes(""));
    await until(() => service.server.clients === 1);
    if (what !== "too many calls") await assertServes(service);
  });
}

Deno.test("serve() takes what may come late: the cancellation of a call that is over", async () => {
  await using service = openService(echo);
  using client = await connectByHand(service.server);
  await client.answers.receive();
  await client.requests.send(frame(frames.CANCEL, 7, [1]));
  await client.requests.send(frame(frames.REQUEST, 8, [5]));
  assertEquals(await client.answers.receive(), frame(frames.ANSWER, 8, [5]));
});

Deno.test("serve() survives messages at random", async () => {
  await using service = openService(echo, { capacity: 4096 });
  for (let round = 0; round < 60; round++) {
    using rogue = await connectByHand(service.server);
    for (let i = 0; i < 20; i++) {
      const message = crypto.getRandomValues(new Uint8Array(Math.random() * 40));
      message[0]! %= 9;
      if (i % 2 === 0) message.fill(0, 1, 4);
      try {
        if (!rogue.requests.trySend(message)) break;
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
        break;
      }
    }
  }
  await assertServes(service);
  await until(() => service.server.clients === 1);
});

Deno.test("serve() hangs up on a client whose ring is damaged, and goes on", async () => {
  const damages: ((cells: Int32Array) => void)[] = [
    (cells) => Atomics.store(cells, TAIL, 12345),
    (cells) => Atomics.store(cells, TAIL, -1),
    (cells) => Atomics.store(cells, TAIL + 1, 77),
    (cells) => cells.fill(-1, RING),
    (cells) => cells.fill(0x7fffffff, RING),
    (cells) => cells.fill(-1, TAIL),
  ];
  await using service = openService(echo, { capacity: 4096 });
  for (const damage of damages) {
    const rogue = await connectByHand(service.server);
    const { region } = rogue.requests;
    damage(new Int32Array(region.bytes.buffer, region.bytes.byteOffset, 2048));
    try {
      rogue.requests.trySend(frame(frames.REQUEST, 1, [1]));
      rogue.requests.trySend(frame(99, 1));
    } catch { /* damaged for this side too */ }
    await assertServes(service);
    rogue[Symbol.dispose]();
    await assertServes(service);
  }
});

Deno.test("serve() refuses offers that are no connection", async () => {
  await withTempDir(async (dir) => {
    await using service = openService(echo);
    const path = join(dir, "file");
    Deno.writeFileSync(path, new Uint8Array(2 * (4096 + 4096)));
    using file = MmapRegion.open(path, { access: "read-write" });
    using short = MmapRegion.anonymous(100);
    using blank = MmapRegion.anonymous(2 * (4096 + 4096));
    using odd = MmapRegion.anonymous(2 * (4096 + 5000));
    using channel = Channel.create({ capacity: 4096 });
    using mute = MmapRegion.anonymous(2 * (4096 + 4096));
    using _requests = Channel.over(mute, 0, { capacity: 4096 });
    const gone = makeConnection(4096, Deno.pid);
    gone.connection[Symbol.dispose]();
    const regions = [file, short, blank, odd, channel, mute];
    const texts = ["", "nonsense", "mmap:", "mmap:version=9", "\0".repeat(900), gone.text];
    for (const text of [...texts, ...regions.map((region) => formatHandle(region.handle()))]) {
      using meeting = meet(service.server);
      meeting.offer(text);
      assertEquals(await meeting.decided(FOR_EVER), false, text);
    }
    assertEquals(file.bytes.every((byte) => byte === 0), true, "the file was written to");
    await assertServes(service);
  });
});

Deno.test("serve() refuses a connection that it has already", async () => {
  await using service = openService(echo);
  const { connection, text } = makeConnection(4096, Deno.pid);
  for (const accepted of [true, false]) {
    using meeting = meet(service.server);
    meeting.offer(text);
    assertEquals(await meeting.decided(FOR_EVER), accepted);
  }
  connection[Symbol.dispose]();
  await assertServes(service);
});

Deno.test("serve() survives nonsense where clients meet it", async () => {
  await using service = openService(echo);
  await assertServes(service);
  const meeting = meet(service.server);
  const cells = meeting.words.cells;
  for (let i = 0; i < 32; i++) {
    // Offered, with a length that cannot be; and by nobody.
    cells[HEADER_BYTE_LENGTH / 4 + i * 256 + 1] = [-1, 2 ** 30, 4096][i % 3]!;
    Atomics.store(cells, HEADER_BYTE_LENGTH / 4 + i * 256, 1);
  }
  Atomics.store(cells, 48, 0);
  meeting.words.wake(48, 1);
  await assertServes(service);
  await until(() => cells[HEADER_BYTE_LENGTH / 4] !== 1);
  meeting[Symbol.dispose]();
  await using client = connect(service.server.handle());
  await assertServes({ client });
});

Deno.test("serve() does not take one client's offer for that of the next one at its place", async () => {
  using server = new Meeting(createPlaced({}, SERVER, MEETING));
  server.takeSeat({ ringCapacity: 4096, longestRequest: 1000, pidNamespace: 0 });
  const join = () => {
    const region = MmapRegion.attach(server.placed.region.handle());
    return new Meeting(attachPlaced(region, SERVER, checkMeeting));
  };
  {
    using first = join();
    first.offer("first");
  }
  assertEquals(server.openOffers(), []);
  using second = join();
  second.offer("second");
  const [offer] = await server.offers(FOR_EVER);
  second[Symbol.dispose]();
  using third = join();
  third.offer("third");
  server.decide(offer!, true);
  const [late] = server.openOffers();
  assertEquals([late!.index, late!.text], [offer!.index, "third"]);
  server.decide(late!, false);
  assertEquals(await third.decided(FOR_EVER), false);
});

Deno.test("serve() gives the places of clients that died while they connected to others", async () => {
  await using server = serve({}, echo);
  await using child = clientChild(server, "offer");
  assertEquals(await child.readLine(), "32");
  child.kill();
  await child.ended();
  await using client = connect(server.handle());
  await assertServes({ client });
});

Deno.test("Client.call() throws InvalidData if the server sends what no server sends", async () => {
  const wrong = [
    new Uint8Array(3),
    frame(frames.REQUEST, 1),
    frame(frames.ANSWER, 5),
    frame(frames.ENDED, 1),
    frame(frames.FAILURE, 1, [1, 2, 3]),
    frame(frames.WELCOME, 0, [1, 0, 0, 0, 1, 0, 0, 0]),
  ];
  for (const message of wrong) {
    using meeting = new Meeting(createPlaced({}, SERVER, MEETING));
    meeting.takeSeat({ ringCapacity: 4096, longestRequest: 1000, pidNamespace: 0 });
    const client = connect(meeting.placed.region.handle());
    const call = client.call(bytes("x"));
    const [offer] = await meeting.offers(FOR_EVER);
    const region = MmapRegion.attach(offer!.text);
    const requests = Channel.over(region, 0, { capacity: 4096 });
    const answers = Channel.over(region, 8192, { capacity: 4096 });
    try {
      answers.sendSync(frame(frames.WELCOME, 0, [1, 0, 0, 0, 1, 0, 0, 0]));
      meeting.decide(offer!, true);
      await requests.receive(); // hello
      await requests.receive(); // the call
      answers.sendSync(message);
      await assertRejects(() => call, InvalidData);
      await client.finished;
      await assertRejects(() => client.call(bytes("x")), InvalidData);
    } finally {
      client.close();
      requests.close();
      answers.close();
      region.close();
    }
  }
});

Deno.test("serve() opens nothing but connections beside its path, and changes nothing else", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/server`;
    await using server = serve({ path }, echo);
    const zeros = new Uint8Array(2 * (4096 + 4096));
    await Deno.writeFile(`${dir}/victim`, zeros);
    await Deno.writeFile(`${path}.000000000000000a`, zeros);
    await Deno.symlink(`${dir}/victim`, `${path}.000000000000000b`);
    await Deno.mkdir(`${path}.000000000000000c`);
    // A connection indeed, but of somebody else.
    const { connection, text } = makeConnection(4096, Deno.pid, `${dir}/other`);
    const [other] = [...Deno.readDirSync(dir)].filter(({ name }) => name.startsWith("other."));
    await Deno.symlink(`${dir}/${other!.name}`, `${path}${other!.name.slice("other".length)}`);
    const endings = ["a", "b", "c", "d"].map((digit) => `000000000000000${digit} 1`);
    const texts = [...endings, "/../victim 1", "", "000000000000000a"].map((it) => `beside:${it}`);
    for (const offered of [...texts, text]) {
      using meeting = meet(server);
      meeting.offer(offered);
      assertEquals(await meeting.decided(FOR_EVER), false, offered);
    }
    connection[Symbol.dispose]();
    for (const name of ["victim", "server.000000000000000a"]) {
      assertEquals(await Deno.readFile(`${dir}/${name}`), zeros);
    }
    await using client = connect({ path });
    await assertServes({ client });
  });
});
