/** Channels between Deno and Python: languages/python/mmap_peer.py. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Channel, type ChannelOptions } from "@mmap/mmap/channel";
import { BELL_SLEEPERS } from "../../src/channel/layout.ts";
import { RECEIVE_BELL, SEND_BELL, TAIL } from "../../src/channel/queue/queue_layout.ts";
import { bytes, numbered, peer, textOf } from "../channel/_channels.ts";
import { withTempDir } from "../_files.ts";
import { assertRaises, PythonPeer, testWithPython } from "./_peer.ts";

const COUNT = 500;

/** A channel, and a Python that has opened it as "c". */
async function opened(
  body: (channel: Channel, python: PythonPeer) => Promise<void>,
  options: Partial<ChannelOptions> = {},
  args: string[] = [],
): Promise<void> {
  using channel = Channel.create({ capacity: 4096, ...options });
  await using python = new PythonPeer(args);
  await python.make("c", "Channel.attach", formatHandle(channel.handle()));
  await body(channel, python);
}

/** As `message` in _peer.py. */
function composed(number: number, longest: number): Uint8Array<ArrayBuffer> {
  const length = number * 37 % (longest + 1);
  return new Uint8Array(length).fill(number * 7 + length);
}

/** Waits until a word is not 0: mostly until somebody sleeps on a bell, or is about to. */
async function asleep(channel: Channel, bell: number): Promise<void> {
  const cells = channel.region.view(Int32Array, 4 * bell, 1);
  while (Atomics.load(cells, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

const starts: [string, (channel: Channel) => void][] = [
  ["from the beginning", () => {}],
  ["around position 2^32", (channel) => {
    const words = channel.region.view(BigInt64Array, 4 * TAIL, 16);
    words[0] = words[8] = 2n ** 32n - 1000n; // TAIL and HEAD
  }],
];

/** How Python finds its atomic operations, and whether it believes to be on a processor like arm64. */
const MODES: [string, string[]][] = [
  ["", []],
  [", by libatomic", ["--no-memfd"]],
  [", with all fences", ["--weak"]],
];

for (const [start, prepare] of starts) {
  for (const [mode, args] of MODES) {
    testWithPython(`Channel passes messages to Python, ${start}${mode}`, async () => {
      using channel = Channel.create({ capacity: 4096 });
      prepare(channel);
      await using python = new PythonPeer(args);
      await python.make("c", "Channel.attach", formatHandle(channel.handle()));
      const answer = python.ask("receive_all", "c");
      const { maxByteLength } = channel;
      for (let n = 0; n < COUNT; n++) await channel.send(composed(n, maxByteLength));
      channel.closeSending();
      assertEquals(await answer, [COUNT, 0]);
      assertEquals(channel.ended, true);
    });

    testWithPython(`Channel gets messages from Python, ${start}${mode}`, async () => {
      using channel = Channel.create({ capacity: 4096 });
      prepare(channel);
      await using python = new PythonPeer(args);
      await python.make("c", "Channel.attach", formatHandle(channel.handle()));
      const answer = python.ask("send_all", "c", COUNT);
      for (let n = 0; n < COUNT; n++) {
        assertEquals(await channel.receive(), composed(n, channel.maxByteLength));
      }
      await answer;
      await python.do("c.close");
      assertEquals(await channel.receive(), null);
    });
  }
}

testWithPython("Channel goes to Python and back, between two Pythons, too", async () => {
  using there = Channel.create({ capacity: 8192 });
  using between = Channel.create({ capacity: 4096 });
  using back = Channel.create({ capacity: 4096 });
  await using first = new PythonPeer();
  await using second = new PythonPeer();
  await first.make("in", "Channel.attach", formatHandle(there.handle()));
  await first.make("out", "Channel.attach", formatHandle(between.handle()));
  await second.make("in", "Channel.attach", formatHandle(between.handle()));
  await second.make("out", "Channel.attach", formatHandle(back.handle()));
  const echoes = [first.ask("echo", "in", "out"), second.ask("echo", "in", "out")];
  const sending = (async () => {
    for (let n = 0; n < COUNT; n++) await there.send(composed(n, 1000));
    there.closeSending();
  })();
  for (let n = 0; n < COUNT; n++) assertEquals(await back.receive(), composed(n, 1000));
  assertEquals(await back.receive(), null);
  await Promise.all([sending, ...echoes]);
});

for (const place of ["path", "name"] as const) {
  testWithPython(`Channel under a ${place} is opened by Python`, () =>
    withTempDir(async (dir) => {
      const where = place === "path"
        ? `${dir}/a b&c`
        : `mmap-test-${crypto.randomUUID().slice(0, 13)}`;
      await opened(async (channel, python) => {
        channel.sendSync(bytes("hello"));
        assertEquals(await python.do("c.receive"), bytes("hello"));
      }, { [place]: where });
    }));
}

testWithPython("Channel.from_env() opens the parent's channel", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await using python = new PythonPeer([], { ...channel.env(), ...channel.env("OTHER") });
  await python.make("c", "Channel.from_env");
  channel.sendSync(bytes("hello"));
  assertEquals(await python.do("c.receive"), bytes("hello"));
  await assertRaises(python.make("d", "Channel.from_env", "NOT_SET"), "KeyError", "NOT_SET");
});

testWithPython("Channel over a part of a region is opened by Python", async () => {
  using region = MmapRegion.anonymous(4 * 4096);
  using channel = Channel.over(region, 4096 + 64, { capacity: 4096 });
  await using python = new PythonPeer();
  await python.make("c", "Channel.attach", formatHandle(channel.handle()));
  await python.make("region", "Region.attach", formatHandle(region.handle()));
  await python.do("c.send", new Uint8Array(7));
  assertEquals(channel.receiveSync(), new Uint8Array(7));
  await python.do("c.close");
  await python.make("c", "Channel", "region", 4096 + 64);
  assertEquals([await python.do("c.capacity"), await python.do("c.ended")], [4096, true]);
});

testWithPython(
  "Channel.send() takes 0 to max_length bytes of any kind",
  () =>
    opened(async (channel, python) => {
      const longest = channel.maxByteLength;
      assertEquals(await python.do("c.max_length"), longest);
      for (const length of [0, 1, 7, 8, 9, longest]) {
        await python.do("c.send", new Uint8Array(length).fill(length));
        assertEquals(channel.receiveSync(), new Uint8Array(length).fill(length));
      }
      await assertRaises(
        python.do("c.send", new Uint8Array(longest + 1)),
        "ValueError",
        `0 to ${longest} are possible`,
      );
      await assertRaises(python.do("c.send", "text"), "TypeError");
      await python.ask("send_kinds", "c");
      for (let n = 0; n < 4; n++) assertEquals(channel.receiveSync(), new Uint8Array([1, 0, 2, 0]));
      assertEquals(channel.receiveSync(), new Uint8Array(0));
    }),
);

testWithPython(
  "Channel in Python waits no longer than its timeout",
  () =>
    opened(async (channel, python) => {
      await assertRaises(python.do("c.receive", 0), "TimeoutError");
      await assertRaises(python.do("c.receive", 0.05), "TimeoutError");
      await assertRaises(python.do("c.receive", -1), "ValueError", "at least 0");
      assertEquals(await python.do("c.try_receive"), null);
      channel.sendSync(bytes("x"));
      assertEquals(await python.do("c.try_receive"), bytes("x"));
    }),
);

testWithPython("Channel that is full makes Python wait", () =>
  opened(async (channel, python) => {
    const message = new Uint8Array(1000);
    let sent = 0;
    while (await python.do("c.try_send", message)) sent++;
    assertEquals(sent, 4);
    await assertRaises(python.do("c.send", message, 0.01), "TimeoutError");
    const waiting = python.do("c.send", message);
    await asleep(channel, SEND_BELL);
    for (let i = 0; i < sent; i++) assertEquals(channel.receiveSync()!.length, 1000);
    await waiting;
    assertEquals((await channel.receive())!.length, 1000);
  }));

testWithPython("Channel wakes a Python that sleeps", () =>
  opened(async (channel, python) => {
    const sleepers = channel.region.view(Int32Array, 4 * BELL_SLEEPERS, 1);
    const waiting = python.do("c.receive");
    // While it is 0, nobody would be woken: the sleeper counts itself.
    await asleep(channel, RECEIVE_BELL);
    await asleep(channel, BELL_SLEEPERS);
    channel.sendSync(bytes("wake up"));
    assertEquals(await waiting, bytes("wake up"));
    assertEquals(sleepers[0], 0);
  }));

testWithPython(
  "Channel that has ended gives Python what is left, then None",
  () =>
    opened(async (channel, python) => {
      channel.sendSync(bytes("last"));
      channel.closeSending();
      assertEquals(await python.do("c.ended"), false);
      assertEquals(await python.do("c.receive"), bytes("last"));
      assertEquals(await python.do("c.receive"), null);
      assertEquals(await python.do("c.ended"), true);
    }),
);

testWithPython(
  "Channel that Python ends gives what is left, then null",
  () =>
    opened(async (channel, python) => {
      await python.do("c.send", bytes("last"));
      await python.do("c.close_sending");
      await python.do("c.close_sending");
      assertEquals(textOf(await channel.receive()), "last");
      assertEquals(await channel.receive(), null);
      await assertRaises(python.do("c.send", bytes("x")), "BrokenPipeError", "has ended");
      await python.do("c.close");
      await python.do("c.close");
      await assertRaises(python.do("c.receive"), "ValueError", "closed");
    }),
);

testWithPython(
  "Channel whose last consumer has left refuses to send, both ways",
  () =>
    opened(async (channel, python) => {
      assertEquals(await python.do("c.try_receive"), null);
      await python.do("c.close");
      assertThrows(() => channel.sendSync(bytes("x")), Deno.errors.BrokenPipe);
      using other = Channel.create({ capacity: 4096 });
      using consumer = Channel.attach(other.handle());
      assertEquals(consumer.tryReceive(), null);
      await python.make("d", "Channel.attach", formatHandle(other.handle()));
      await python.do("d.send", bytes("x"));
      consumer.close();
      await assertRaises(python.do("d.send", bytes("x")), "BrokenPipeError", "consumer has left");
    }),
);

testWithPython(
  "Channel with one consumer has no second one, in any language",
  () =>
    opened(async (channel, python) => {
      assertEquals(await python.do("c.try_receive"), null);
      assertThrows(() => channel.tryReceive(), Deno.errors.Busy, `process ${python.pid} is`);
      channel.sendSync(bytes("x"));
      await assertRaises(python.do("c.send", bytes("x")), "OSError", `process ${Deno.pid} is`);
    }),
);

for (
  const [ends, options] of [
    ["producers", { producers: "multiple" }],
    ["consumers", { consumers: "multiple" }],
    ["producers and consumers", { producers: "multiple", consumers: "multiple" }],
  ] as const
) {
  testWithPython(`Channel with several ${ends} loses and doubles nothing`, async () => {
    using channel = Channel.create({ capacity: 4096, ...options });
    const several = "producers" in options ? 2 : 1;
    const takers = "consumers" in options ? 2 : 1;
    await using all = new AsyncDisposableStack();
    const python = async (): Promise<PythonPeer> => {
      const started = all.use(new PythonPeer());
      await started.make("c", "Channel.attach", formatHandle(channel.handle()));
      return started;
    };
    const consumers = await Promise.all(Array.from({ length: takers }, python));
    const received = consumers.map((each) => each.ask("receive_all", "c"));
    if (several > 1) {
      const producers = await Promise.all(Array.from({ length: several }, python));
      await Promise.all(
        producers.map((each) => each.ask("send_copies", "c", COUNT, new Uint8Array(50))),
      );
    }
    for (let n = 0; n < COUNT; n++) await channel.send(new Uint8Array(100));
    channel.closeSending();
    const counts = (await Promise.all(received)).map((result) => (result as number[])[0]!);
    assertEquals(counts.reduce((a, b) => a + b), COUNT * (several > 1 ? several + 1 : 1));
  });
}

testWithPython(
  "Channel tells of a killed Python's death, and gives all that it sent",
  () =>
    opened(async (channel, python) => {
      await python.do("c.send", bytes("last words"));
      await python.killed();
      assertEquals(textOf(await channel.receive()), "last words");
      const error = await assertRejects(() => channel.receive(), Deno.errors.ConnectionReset);
      assert(error.message.includes(`process ${python.pid}`), error.message);
    }),
);

testWithPython(
  "Channel tells Python of a killed Deno's death",
  () =>
    opened(async (channel, python) => {
      await using deno = peer(channel, ["sendAndStay"]);
      assertEquals(await deno.readLine(), "reserved");
      deno.kill();
      assertEquals((await deno.ended()).signal, "SIGKILL");
      for (let n = 0; n < 3; n++) assertEquals(await python.do("c.receive"), numbered(n));
      await assertRaises(python.do("c.receive"), "ConnectionResetError", `process ${deno.pid}`);
      await assertRaises(python.do("c.receive", 0), "ConnectionResetError", `process ${deno.pid}`);
    }),
);

testWithPython(
  "Channel delivers again what a Python peeked that was killed",
  () =>
    opened(async (channel, python) => {
      channel.sendSync(bytes("once more"));
      await assertRejects(() => python.ask("die_in_peek", "c"), Error, "ended");
      const { code, signal } = await python.status;
      assertEquals([code, signal], [137, "SIGKILL"]);
      using other = Channel.attach(channel.handle());
      assertEquals(textOf(await other.receive()), "once more");
    }),
);

testWithPython(
  "Channel.reserve() and peek() work in place",
  () =>
    opened(async (channel, python) => {
      await python.ask("reserve", "c", 3, 7);
      await python.ask("reserve", "c", 5, 8, true); // raises in the block: nothing is sent
      await python.ask("reserve", "c", 2, 9);
      using other = Channel.create({ capacity: 4096 });
      assertEquals(await channel.receive(), new Uint8Array([7, 7, 7]));
      assertEquals(await channel.receive(), new Uint8Array([9, 9]));
      await assertRaises(python.ask("reserve", "c", -1, 0), "ValueError");
      await python.make("d", "Channel.attach", formatHandle(other.handle()));
      other.sendSync(bytes("a"));
      other.sendSync(bytes("b"));
      assertEquals(await python.ask("peek", "d", true), bytes("a")); // raises in the block
      assertEquals(await python.ask("peek", "d"), bytes("a"));
      assertEquals(await python.ask("peek", "d"), bytes("b"));
      other.closeSending();
      assertEquals(await python.ask("peek", "d"), null);
    }),
);

testWithPython(
  "Channel that another thread closes ends a wait of Python",
  () =>
    opened(async (channel, python) => {
      await python.ask("later", "c.receive");
      await asleep(channel, RECEIVE_BELL);
      await python.do("c.close");
      assertEquals(await python.ask("joined"), "ValueError");
    }),
);

testWithPython(
  "Channel of a Python that forked stays the parent's",
  () =>
    opened(async (channel, python) => {
      await python.do("c.send", bytes("parent"));
      await python.ask("fork");
      await assertRaises(python.do("c.send", bytes("child")), "ValueError", "closed");
      await python.do("c.close");
      assertEquals(textOf(await channel.receive()), "parent");
      assertEquals(channel.tryReceive(), null); // not ended: the child has left nothing
      assertEquals(channel.ended, false);
      assertEquals((await python.ended()).code, 0);
    }),
);

testWithPython(
  "Channel finds a killed Python dead though its fork lives",
  () =>
    opened(async (channel, python) => {
      await python.do("c.send", bytes("x"));
      const child = await python.ask("fork_sleeper") as number;
      try {
        await python.killed();
        assertEquals(textOf(await channel.receive()), "x");
        await assertRejects(
          () => channel.receive({ timeoutMs: 20_000 }),
          Deno.errors.ConnectionReset,
        );
      } finally {
        Deno.kill(child, "SIGKILL");
      }
    }),
);

testWithPython(
  "Channel wakes a Deno that sleeps in its event loop by its doorbell",
  () =>
    opened(async (channel, python) => {
      await using owner = new PythonPeer();
      await owner.make("c", "Channel.attach", formatHandle(channel.handle()));
      await owner.ask("doorbell", "c", 3);
      assertEquals(await owner.ask("fall_asleep", RECEIVE_BELL), false); // nobody has tried it
      await python.do("c.send", bytes("x"));
      assertEquals(await owner.ask("fall_asleep", RECEIVE_BELL), true);
      assertEquals(await owner.ask("rung"), 0);
      await python.do("c.send", bytes("x"));
      assertEquals([await owner.ask("rung"), await owner.ask("doorbell_state")], [1, 2]);
      await python.do("c.send", bytes("x")); // it is awake
      assertEquals(await owner.ask("rung"), 0);
      assertEquals(await owner.ask("fall_asleep", RECEIVE_BELL), true);
      await owner.ask("fill_pipe");
      await python.do("c.send", bytes("x")); // a full pipe has been rung already
      assertEquals(await owner.ask("doorbell_state"), 2);
    }),
);

testWithPython(
  "Channel rings at no pipe that is no doorbell",
  () =>
    opened(async (channel, python) => {
      await using owner = new PythonPeer();
      await owner.make("c", "Channel.attach", formatHandle(channel.handle()));
      await owner.ask("doorbell", "c", 0, false);
      await owner.ask("fall_asleep", RECEIVE_BELL);
      await python.do("c.send", bytes("x"));
      assertEquals([await owner.ask("rung"), await owner.ask("doorbell_state")], [0, 0]);
    }),
);
