/** Programs that are woken in their event loops, by peers that can do that and by others. */

import { assert, assertEquals } from "@std/assert";
import type { MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, Latest } from "@mmap/mmap/channel";
import { O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, SYS_futex_waitv } from "../../ffi/constants.ts";
import { close } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { openDescriptorOf, readLink } from "../../ffi/proc.ts";
import { DOORBELL_LIST, DOORBELLS } from "../../src/channel/layout.ts";
import { RECEIVE_BELL } from "../../src/channel/queue/queue_layout.ts";
import { linux, natives, proc } from "../_capabilities.ts";
import { Child, resultOf, runChild } from "../_child.ts";
import { compileWithHeaders, CProgram } from "../_c_program.ts";
import { withTempDir } from "../_files.ts";
import { hasProgram } from "../_gcc.ts";
import { descriptorsOf } from "../_process.ts";

const PROGRAM = new URL("_doorbells.ts", import.meta.url);

const ignore = linux.ignore || proc.ignore || natives.ignore;
const options = { ignore };

const [REFUSED, , AWAKE, ASLEEP] = [0, 1, 2, 3];

/** A doorbell's slot, as it is in memory. */
function slotIn(region: MmapRegion, index = 0): Int32Array {
  return region.view(Int32Array).subarray(DOORBELLS + 4 * index, DOORBELLS + 4 * index + 3);
}

const stateIn = (region: MmapRegion, index = 0): number => slotIn(region, index)[0]! & 3;

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Two channels to a program and back. */
class Pair implements Disposable {
  readonly channel = Channel.create({ capacity: 65536 });
  readonly back = Channel.create({ capacity: 65536 });
  readonly env = { ...this.channel.env(), ...this.back.env("BACK") };

  async talk(): Promise<void> {
    const message = crypto.getRandomValues(new Uint8Array(8));
    this.channel.sendSync(message);
    assertEquals(await this.back.receive(), message);
  }

  /** Talks until the other side sleeps in its event loop. */
  async untilAsleep(): Promise<void> {
    await untilAsleep(this.channel.region, () => this.talk());
  }

  [Symbol.dispose](): void {
    this.channel.close();
    this.back.close();
  }
}

/** Repeats `work`, which wakes a program, until that sleeps in its event loop. */
async function untilAsleep(region: MmapRegion, work: () => Promise<void>): Promise<void> {
  while (true) {
    await work();
    for (let i = 0; i < 20; i++) {
      if (stateIn(region) === ASLEEP) return;
      await turn();
    }
  }
}

/** How many threads of a process wait for words. */
function parkedCalls(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].filter(({ name }) => {
    try {
      const call = Deno.readTextFileSync(`/proc/${pid}/task/${name}/syscall`);
      return call.startsWith(`${SYS_futex_waitv} `);
    } catch {
      return false; // it has ended
    }
  }).length;
}

Deno.test(
  "Channel.receive() of a program parks no call once its doorbell was reached",
  options,
  async () => {
    using pair = new Pair();
    await using child = new Child(PROGRAM, { args: ["echo"], env: pair.env });
    await pair.untilAsleep();
    assertEquals(parkedCalls(child.pid), 0);
    for (let i = 0; i < 300; i++) await pair.talk();
    pair.channel.close();
    assert(Number(await child.readLine()) > 300);
    const { code, signal } = await child.ended();
    assertEquals({ code, signal }, { code: 0, signal: null });
  },
);

Deno.test(
  "Channel.receive() by a doorbell keeps a program alive, which then ends by itself",
  options,
  async () => {
    using pair = new Pair();
    await using child = new Child(PROGRAM, { args: ["echoUntilEmpty"], env: pair.env });
    await pair.untilAsleep();
    for (let i = 0; i < 100; i++) await turn(); // time enough to end
    pair.channel.sendSync(new Uint8Array(0));
    assertEquals(await child.readLine(), "done");
    const { code, signal } = await child.ended();
    assertEquals({ code, signal }, { code: 0, signal: null });
  },
);

Deno.test("Subscription.receive() is woken by a doorbell", options, async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using back = Channel.create({ capacity: 65536 });
  const env = { ...feed.env(), ...back.env("BACK") };
  await using child = new Child(PROGRAM, { args: ["hear"], env });
  await back.receive();
  await untilAsleep(feed.region, async () => {
    feed.publish(new Uint8Array([7]));
    assertEquals(await back.receive(), new Uint8Array([7]));
  });
  assertEquals(parkedCalls(child.pid), 0);
});

Deno.test("Latest.changed() is woken by a doorbell", options, async () => {
  using latest = Latest.create({ byteLength: 8 });
  using back = Channel.create({ capacity: 65536 });
  const env = { ...latest.env(), ...back.env("BACK") };
  await using child = new Child(PROGRAM, { args: ["watch"], env });
  await back.receive();
  await untilAsleep(latest.region, async () => {
    latest.write(new Uint8Array(8));
    await back.receive();
  });
  assertEquals(parkedCalls(child.pid), 0);
});

Deno.test("a doorbell whose pipe is full has been rung", options, async () => {
  using pair = new Pair();
  await using child = new Child(PROGRAM, { args: ["echo"], env: pair.env });
  await pair.untilAsleep();
  const [, pid, fd] = slotIn(pair.channel.region);
  child.kill("SIGSTOP");
  const rope = openDescriptorOf(pid!, fd!, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  const page = new Uint8Array(4096);
  while (libc().write(rope, page, 4096n) > 0);
  close(rope);
  pair.channel.sendSync(new Uint8Array([1]));
  assertEquals(stateIn(pair.channel.region), AWAKE);
  child.kill("SIGCONT");
  assertEquals(await pair.back.receive(), new Uint8Array([1]));
  await pair.untilAsleep();
});

Deno.test(
  "a program that is killed while it sleeps gives its slot to the next one",
  options,
  async () => {
    using pair = new Pair();
    {
      await using _child = new Child(PROGRAM, { args: ["echo"], env: pair.env });
      await pair.untilAsleep();
    }
    const [before] = slotIn(pair.channel.region);
    using back = Channel.create({ capacity: 4096 });
    const env = { ...pair.channel.env(), ...back.env("BACK") };
    await using _child = new Child(PROGRAM, { args: ["echo"], env });
    await untilAsleep(pair.channel.region, async () => {
      pair.channel.sendSync(new Uint8Array([1]));
      await back.receive();
    });
    assert(slotIn(pair.channel.region)[0] !== before);
    assertEquals(pair.channel.region.view(Int32Array)[DOORBELL_LIST - 1], DOORBELL_LIST + 2);
  },
);

Deno.test("Channel.close() closes its ways to doorbells", options, async () => {
  using pair = new Pair();
  await using _child = new Child(PROGRAM, { args: ["echo"], env: pair.env });
  await pair.untilAsleep();
  const [, pid, fd] = slotIn(pair.channel.region);
  const pipe = readLink(`/proc/${pid}/fd/${fd}`);
  assertEquals(descriptorsOf(pipe).length, 1);
  pair.channel.close();
  assertEquals(descriptorsOf(pipe).length, 0);
});

Deno.test("Channel rings nothing but doorbells, whatever its memory says", options, () => {
  const ends = new Int32Array(2);
  assertEquals(libc().pipe(new Uint8Array(ends.buffer)), 0);
  const [readEnd, writeEnd] = ends as unknown as [number, number];
  const reader = openDescriptorOf("self", readEnd, O_RDONLY | O_NONBLOCK);
  using file = Deno.openSync("/dev/null");
  void file;
  const named = [[Deno.pid, writeEnd], [Deno.pid, readEnd], [Deno.pid, 0], [-1, -1], [0, 0]];
  for (const [pid, fd] of named) {
    using channel = Channel.create({ capacity: 4096 });
    const words = channel.region.view(Int32Array);
    words.set([DOORBELL_LIST + 2], DOORBELL_LIST - 1);
    words.set([77 << 2 | ASLEEP, pid!, fd!], DOORBELLS);
    words[RECEIVE_BELL] = 1;
    assert(channel.trySend(new Uint8Array(1)));
    assertEquals(stateIn(channel.region), REFUSED);
  }
  assertEquals(libc().read(reader, new Uint8Array(1), 1n), -1n); // nothing is in it
  for (const fd of [...ends, reader]) close(fd);
});

Deno.test(
  "a program whose doorbell another user cannot reach is woken all the same (root only)",
  { ignore: ignore || Deno.uid() !== 0 },
  async () => {
    using pair = new Pair();
    await using child = new Child(PROGRAM, { args: ["echo"], env: pair.env });
    await using nobody = new Child(PROGRAM, { args: ["talkAsNobody", 100], env: pair.env });
    assertEquals(await nobody.readLine(), "talked");
    assertEquals(stateIn(pair.channel.region), REFUSED);
    assertEquals((await nobody.ended()).code, 0);
    assertEquals(await child.readLine(), "100");
  },
);

Deno.test(
  "a program and its Worker wake each other, and nothing is left of both",
  options,
  async () => {
    assertEquals(await resultOf(PROGRAM, { args: ["talkToWorker", 200] }), 2);
  },
);

Deno.test("a program without descriptors for a doorbell waits for the words", options, async () => {
  using pair = new Pair();
  const running = runChild(PROGRAM, { args: ["echoFull"], env: pair.env });
  await pair.back.receive();
  for (let i = 0; i < 30; i++) await pair.talk();
  assertEquals(slotIn(pair.channel.region)[0], 0);
  pair.channel.close();
  const { success, stdout, stderr } = await running;
  assert(success, stderr);
  assertEquals(stdout, "30\n");
});

Deno.test(
  "a program in C wakes one that sleeps in its event loop",
  { ignore: ignore || !hasProgram("gcc") },
  () =>
    withTempDir(async (dir) => {
      const compiled = await compileWithHeaders(new URL("queue/_c_peer.c", import.meta.url), dir);
      await using peer = new CProgram(compiled);
      using pair = new Pair();
      await using child = new Child(PROGRAM, { args: ["echo"], env: pair.env });
      assertEquals(await peer.ask(`produce ${pair.env.MMAP_CHANNEL}`), "0 0");
      await untilAsleep(pair.channel.region, async () => {
        assertEquals(await peer.ask("send 10 -1"), "0 0");
        assertEquals((await pair.back.receive())!.length, 10);
      });
      assertEquals(parkedCalls(child.pid), 0);
      assertEquals(await peer.ask("close"), "0 0");
      assert(Number(await child.readLine()) > 1);
    }),
);

Deno.test({
  name: "Channel.receive() leaves nothing that Deno's sanitizers find",
  sanitizeOps: true,
  sanitizeResources: true,
  fn: async () => {
    using channel = Channel.create({ capacity: 4096 });
    for (let i = 0; i < 5; i++) {
      const received = channel.receive();
      channel.sendSync(new Uint8Array([i]));
      assertEquals(await received, new Uint8Array([i]));
    }
  },
});
