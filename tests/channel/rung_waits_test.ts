/** Waits that a doorbell ends, with a doorbell of the test's own. */

import { assertEquals, assertRejects } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { ChannelWords } from "../../src/channel/channel_words.ts";
import { isAsleep, Ropes } from "../../src/channel/doorbells.ts";
import { DOORBELLS } from "../../src/channel/layout.ts";
import { RECEIVE_BELL } from "../../src/channel/queue/queue_layout.ts";
import { RungWaits, type Sleeper } from "../../src/channel/rung_waits.ts";
import { THREADS } from "../../src/wait/holder.ts";

const NUMBER = 5;
const LONG_MS = 1e6;

/** The timer of the waits outlives them. Only main programs have one, which no sanitizer looks at. */
const options = { sanitizeOps: false, sanitizeResources: false };

/** An isolate in a table, and who rings for it. */
class Bed {
  readonly cells = new Int32Array(1024);
  alive = false;
  rung = 0;
  readonly #ropes = new Ropes({
    make: () => Promise.resolve(undefined),
    reach: ({ number }) => number,
    ring: () => void this.rung++,
    drop: () => {},
  });
  readonly waits = new RungWaits({
    number: NUMBER,
    pid: 1,
    fd: 1,
    keepAlive: (on) => void (this.alive = on),
  });
  readonly sleeper: Sleeper = this.waits.sleeperIn(this.cells, THREADS);

  constructor() {
    this.ring(); // so that it is not untried
  }

  ring(): void {
    this.#ropes.ring(this.cells);
  }

  wait(timeoutMs?: number, signal?: AbortSignal): Promise<string> | undefined {
    return this.sleeper.wait(this.cells, RECEIVE_BELL, 0, timeoutMs ?? LONG_MS, signal);
  }

  get asleep(): boolean {
    return isAsleep(this.cells, DOORBELLS, NUMBER);
  }
}

Deno.test(
  "Sleeper.wait() ends when its doorbell is rung, and keeps the program alive until then",
  options,
  async () => {
    const bed = new Bed();
    const waiting = bed.wait();
    assertEquals([bed.asleep, bed.alive, bed.rung], [true, true, 0]);
    bed.ring();
    bed.ring();
    assertEquals([bed.asleep, bed.rung], [false, 1]);
    bed.waits.look();
    assertEquals(await waiting, "ok");
    assertEquals(bed.alive, false);
  },
);

Deno.test(
  "Sleeper.wait() does not end because a doorbell was rung for other memory",
  options,
  async () => {
    const bed = new Bed();
    const waiting = bed.wait();
    bed.waits.look();
    assertEquals([bed.asleep, bed.alive], [true, true]);
    bed.ring();
    bed.waits.look();
    assertEquals(await waiting, "ok");
  },
);

Deno.test(
  "Sleeper.wait() ends those that were rung for before the event loop could tell",
  options,
  async () => {
    const bed = new Bed();
    const first = bed.wait();
    bed.ring();
    const second = bed.wait();
    assertEquals(await first, "ok");
    assertEquals([bed.asleep, bed.alive], [true, true]);
    bed.ring();
    bed.waits.look();
    assertEquals(await second, "ok");
  },
);

Deno.test("Sleeper.wait() looks at the word again once it is asleep", options, async () => {
  const bed = new Bed();
  bed.cells[RECEIVE_BELL] = 1;
  assertEquals(await bed.wait(), "not-equal");
  assertEquals([bed.asleep, bed.alive], [false, false]);
});

Deno.test(
  "Sleeper.wait() leaves the word to others while nobody has reached its doorbell",
  options,
  () => {
    const bed = new Bed();
    bed.cells[DOORBELLS] = NUMBER << 2;
    assertEquals(bed.wait(), undefined);
    assertEquals(bed.alive, false);
  },
);

Deno.test("Sleeper.wait() times out, and is aborted, each by itself", options, async () => {
  const bed = new Bed();
  const controller = new AbortController();
  const [long, aborted, short] = [bed.wait(), bed.wait(LONG_MS, controller.signal), bed.wait(5)];
  bed.alive = true;
  const keepAlive = setInterval(() => {}, 1000); // the waits' own timer does not
  assertEquals(await short, "timed-out");
  clearInterval(keepAlive);
  controller.abort(new RangeError("enough"));
  await assertRejects(() => aborted!, RangeError, "enough");
  await assertRejects(() => bed.wait(LONG_MS, controller.signal)!, RangeError, "enough");
  assertEquals([bed.asleep, bed.alive], [true, true]);
  bed.ring();
  bed.waits.look();
  assertEquals(await long, "ok");
  const late = bed.wait(LONG_MS, AbortSignal.abort(new RangeError("at once")));
  await assertRejects(() => late!, RangeError, "at once");
  assertEquals([bed.asleep, bed.alive], [false, false]);
});

Deno.test(
  "RungWaits.expect() ends a wait for what comes before the event loop runs, and nobody has to ring",
  options,
  async () => {
    const bed = new Bed();
    let ended: string | undefined;
    bed.wait()!.then((result) => ended = result);
    bed.waits.expect();
    await undefined;
    assertEquals([ended, bed.asleep], [undefined, true]);
    bed.waits.expect();
    bed.cells[RECEIVE_BELL] = 1;
    for (let i = 0; i < 5; i++) await undefined;
    assertEquals([ended, bed.asleep, bed.alive, bed.rung], ["ok", false, false, 0]);
  },
);

Deno.test("RungWaits.expect() ends a wait that was rung for already", options, async () => {
  const bed = new Bed();
  let ended: string | undefined;
  bed.wait()!.then((result) => ended = result);
  bed.waits.expect();
  bed.ring();
  for (let i = 0; i < 5; i++) await undefined;
  assertEquals([ended, bed.asleep], ["ok", false]);
});

Deno.test("RungWaits.expect() is awake while it looks, so that nobody rings", options, async () => {
  const bed = new Bed();
  bed.wait();
  const { load } = Atomics;
  const states = new Set<boolean>();
  Atomics.load = ((cells: Int32Array, index: number): number => {
    if (index === RECEIVE_BELL) states.add(bed.asleep);
    return load(cells, index);
  }) as typeof load;
  try {
    bed.waits.expect();
    await undefined;
  } finally {
    Atomics.load = load;
  }
  // The last look is that of one who has fallen asleep.
  assertEquals([...states], [false, true]);
});

Deno.test("RungWaits.expect() looks at nothing in memory that was closed", options, async () => {
  const bed = new Bed();
  let ended: string | undefined;
  const closed = new Int32Array(bed.cells.buffer.transfer());
  bed.sleeper.wait(closed, RECEIVE_BELL, 0, LONG_MS, undefined)!.then((result) => ended = result);
  bed.waits.expect();
  closed.buffer.transfer();
  for (let i = 0; i < 5; i++) await undefined;
  assertEquals(ended, "ok");
});

Deno.test("ChannelWords.wake() wakes who waits for the bell itself", async () => {
  using region = MmapRegion.anonymous(8192);
  const words = new ChannelWords(region, 0, 8192, "test");
  const waiting = words.wait(RECEIVE_BELL, 0, LONG_MS, undefined);
  const end = performance.now() + 20_000;
  while (words.wake(RECEIVE_BELL, 1) === 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  if (performance.now() >= end) throw new Error("nobody was woken");
  assertEquals(await waiting, "ok");
  assertEquals(words.wake(RECEIVE_BELL, 1), 0);
});
