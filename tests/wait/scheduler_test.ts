/** The scheduler itself: it goes through every order, and finds what is wrong with faulty locks. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, inTime } from "./_plans.ts";
import { type Bounds, explore, isKilled, type Plan, step, times } from "./_scheduler.ts";
import { SharedEvent } from "@mmap/mmap/sync";

/** Everything that was seen at the end of a plan, over all schedules. */
function outcomes(makePlan: (result: (value: string) => void) => Plan, bounds: Bounds): string[] {
  const found = new Set<string>();
  explore(() => makePlan((value) => found.add(value)), bounds);
  return [...found].sort();
}

/** Each of two sets its word, then looks at the other's. */
function storeThenLoad(result: (value: string) => void): Plan {
  const { memory } = new Arena(64);
  const cells = new Int32Array(memory);
  const look = (own: number, other: number) => () => {
    Atomics.store(cells, own, 1);
    cells[other + 2] = Atomics.load(cells, other);
  };
  return {
    memory,
    actors: [look(0, 1), look(1, 0)],
    atEnd: () => result(`${cells[2]}${cells[3]}`),
  };
}

Deno.test("explore() goes through all orders, and through those only that there can be", () => {
  assertEquals(outcomes(storeThenLoad, {}), ["01", "10", "11"]);
});

Deno.test("explore() switches no more often than it is told", () => {
  assertEquals(outcomes(storeThenLoad, { preemptions: 0 }), ["01", "10"]);
});

Deno.test("explore() repeats what an actor saw before it was stopped, and does it once", () => {
  const found = outcomes((result) => {
    const { memory } = new Arena(64);
    const cells = new Int32Array(memory);
    const add = () => times(2, () => Atomics.add(cells, 0, 1));
    return { memory, actors: [add, add, add], atEnd: () => result(`${cells[0]}`) };
  }, {});
  assertEquals(found, ["6"]);
});

Deno.test("explore() kills at every step", () => {
  const found = outcomes((result) => {
    const { memory } = new Arena(64);
    const cells = new Int32Array(memory);
    return {
      memory,
      actors: [() => times(3, () => Atomics.add(cells, 0, 1))],
      atEnd: () => result(`${cells[0]}`),
    };
  }, { kills: 1 });
  assertEquals(found, ["0", "1", "2", "3"]);
});

Deno.test("explore() lets the time of a wait be up at any moment", () => {
  const found = outcomes((result) => {
    const arena = new Arena(64);
    const event = new SharedEvent(arena.memory);
    return {
      memory: arena.memory,
      actors: [
        () => {
          const passed = inTime(() => event.waitSync({ timeoutMs: 10 }));
          step("passed", () => arena.count(2, passed ? 1 : 0));
        },
        () => event.set(),
      ],
      atEnd: () => result(`${arena.count(2, 0)}`),
    };
  }, { timers: 1 });
  assertEquals(found, ["0", "1"]);
});

/** A lock of one word: how it is taken, and what its release does. */
interface Lock {
  take(cells: Int32Array): void;
  release(cells: Int32Array): void;
}

function assertFound(lock: Lock, message: string, bounds: Bounds = {}): void {
  const makePlan = (): Plan => {
    const arena = new Arena(64);
    const cells = new Int32Array(arena.memory);
    const enter = (actor: number) => () => {
      lock.take(cells);
      arena.exclusive(actor);
      lock.release(cells);
    };
    return { memory: arena.memory, actors: [enter(0), enter(1)] };
  };
  assertThrows(() => explore(makePlan, bounds), Error, message);
}

const sound: Lock = {
  take: (cells) => {
    while (Atomics.compareExchange(cells, 0, 0, 1) !== 0) Atomics.wait(cells, 0, 1, Infinity);
  },
  release: (cells) => {
    Atomics.store(cells, 0, 0);
    Atomics.notify(cells, 0, 1);
  },
};

Deno.test("explore() finds two in a lock that is taken by a load and a store", () => {
  assertFound({
    ...sound,
    take: (cells) => {
      while (Atomics.load(cells, 0) !== 0) Atomics.wait(cells, 0, 1, Infinity);
      Atomics.store(cells, 0, 1);
    },
  }, "came while another one was in");
});

Deno.test("explore() finds the same with plain accesses", () => {
  assertFound({
    ...sound,
    take: (cells) => {
      while (cells[0] !== 0) Atomics.wait(cells, 0, 1, Infinity);
      cells[0] = 1;
    },
  }, "came while another one was in");
});

Deno.test("explore() finds a wake-up that comes too early", () => {
  assertFound({
    ...sound,
    release: (cells) => {
      Atomics.notify(cells, 0, 1);
      Atomics.store(cells, 0, 0);
    },
  }, "Nobody can go on");
});

Deno.test("explore() finds a waiter that announces itself after its last look", () => {
  assertFound({
    take: (cells) => {
      while (Atomics.compareExchange(cells, 0, 0, 1) !== 0) {
        Atomics.add(cells, 1, 1);
        Atomics.wait(cells, 0, 1, Infinity);
        Atomics.sub(cells, 1, 1);
      }
    },
    release: (cells) => {
      const somebodyWaits = Atomics.load(cells, 1) > 0; // should come after the store
      Atomics.store(cells, 0, 0);
      if (somebodyWaits) Atomics.notify(cells, 0, 1);
    },
  }, "Nobody can go on");
});

Deno.test("explore() finds a lock that its dead holder keeps", () => {
  assertFound(sound, "Nobody can go on", { kills: 1 });
});

Deno.test("explore() finds actors that run for ever", () => {
  assertFound({
    ...sound,
    take: (cells) => {
      while (Atomics.compareExchange(cells, 0, 0, 1) !== 0);
    },
    release: () => {},
  }, "The actors run for ever");
});

Deno.test("explore() tells the steps of the schedule that failed", () => {
  const error = assertThrows(() =>
    explore(() => {
      const { memory } = new Arena(64);
      const cells = new Int32Array(memory);
      return {
        memory,
        actors: [() => {
          Atomics.store(cells, 1, 7);
          step("look", () => assert(isKilled(0)));
        }],
      };
    }), Error);
  assert(error.message.includes("0: store(1) = 7"), error.message);
});

Deno.test("explore() puts the real Atomics back", () => {
  const { load, notify } = Atomics;
  const { Int32Array: Type } = globalThis;
  const { now } = performance;
  explore(() => storeThenLoad(() => {}));
  assert(Atomics.load === load && Atomics.notify === notify);
  assert(globalThis.Int32Array === Type && performance.now === now);
});
