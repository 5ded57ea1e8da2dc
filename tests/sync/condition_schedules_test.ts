/** Condition and Once in every order of a few threads. */

import { assert, assertEquals } from "@std/assert";
import { Condition, Mutex, Once } from "@mmap/mmap/sync";
import { Arena, inEveryOrder, inTime } from "../wait/_plans.ts";
import { type Plan, step } from "../wait/_scheduler.ts";

/** A condition at 0, its mutex at 64. */
function arenaOfCondition(): { arena: Arena; condition: Condition; mutex: Mutex } {
  const arena = new Arena(128);
  return {
    arena,
    condition: new Condition(arena.memory),
    mutex: new Mutex(arena.memory, 64),
  };
}

/** Takes one from the stock, and waits for it. */
function consume({ arena, condition, mutex }: ReturnType<typeof arenaOfCondition>): void {
  using guard = mutex.lockSync();
  while (step("look", () => arena.count(2, 0)) === 0) condition.waitSync(guard);
  step("take", () => arena.count(2, -1));
}

function produce(
  { arena, mutex }: ReturnType<typeof arenaOfCondition>,
  count: number,
  notify: () => void,
): void {
  {
    using _guard = mutex.lockSync();
    step("put", () => arena.count(2, count));
  }
  notify();
}

/** Nothing is left in stock, nobody is counted as asleep, and the mutex is free. */
function assertDone({ arena }: ReturnType<typeof arenaOfCondition>): void {
  assertEquals(arena.count(2, 0), 0);
  assertEquals([...arena.words.subarray(1)], Array(31).fill(0));
}

inEveryOrder("Condition.notify() after a change is never missed", () => {
  const all = arenaOfCondition();
  return {
    memory: all.arena.memory,
    actors: [() => consume(all), () => produce(all, 1, () => all.condition.notify())],
    atEnd: () => assertDone(all),
  };
});

inEveryOrder("Condition.notify() twice wakes two", () => {
  const all = arenaOfCondition();
  const notify = () => all.condition.notify();
  return {
    memory: all.arena.memory,
    actors: [
      () => consume(all),
      () => consume(all),
      () => {
        produce(all, 1, notify);
        produce(all, 1, notify);
      },
    ],
    atEnd: () => assertDone(all),
  };
}, { preemptions: 2 });

inEveryOrder("Condition.notifyAll() wakes all", () => {
  const all = arenaOfCondition();
  return {
    memory: all.arena.memory,
    actors: [
      () => consume(all),
      () => consume(all),
      () => produce(all, 2, () => all.condition.notifyAll()),
    ],
    atEnd: () => assertDone(all),
  };
}, { preemptions: 2 });

inEveryOrder("Condition.waitSync() holds the mutex again when it times out", () => {
  const all = arenaOfCondition();
  const { arena, condition, mutex } = all;
  return {
    memory: arena.memory,
    actors: [
      () => {
        using guard = mutex.lockSync();
        inTime(() => condition.waitSync(guard, { timeoutMs: 10 }));
        arena.exclusive(0);
      },
      () => {
        using _guard = mutex.lockSync();
        arena.exclusive(1);
        condition.notify();
      },
    ],
    atEnd: () => {
      assertEquals(arena.visits, 2);
      assertDone(all);
    },
  };
}, { timers: 1, preemptions: 3 });

inEveryOrder("Condition.waitSync() tells that another holder died", () => {
  const { arena, condition, mutex } = arenaOfCondition();
  return {
    memory: arena.memory,
    actors: [
      () => {
        using guard = mutex.lockSync();
        inTime(() => condition.waitSync(guard, { timeoutMs: 10 }));
        step("told", () => {
          if (arena.inside !== 0) assert(guard.ownerDied, "nobody told of the death");
          arena.evict();
        });
      },
      () => {
        using _guard = mutex.lockSync();
        arena.exclusive(1);
        condition.notify();
      },
    ],
  };
}, { kills: 1, victims: [1], slices: 3 });

/** Each actor runs it once; `fn` is an actor's function. */
function runners(count: number, fn: (actor: number, arena: Arena) => void): () => Plan {
  return () => {
    const arena = new Arena(64);
    const once = new Once(arena.memory);
    const run = (actor: number) => () => {
      if (once.runSync(() => fn(actor, arena))) step("ran", () => arena.count(3));
      step("done", () => assertEquals(arena.count(2, 0), 1, "it was not done"));
    };
    return {
      memory: arena.memory,
      actors: Array.from({ length: count }, (_, actor) => run(actor)),
      atEnd: ({ killed }) => {
        if (killed.size > 0) return;
        assertEquals(arena.count(3, 0), 1); // who ran it
        assertEquals([...arena.words.subarray(0, 3)], [0, 0, 1]);
      },
    };
  };
}

inEveryOrder(
  "Once.runSync() runs it once, and the others wait until it is done",
  runners(3, (actor, arena) => arena.exclusive(actor, () => step("do", () => arena.count(2)))),
  { preemptions: 2 },
);

inEveryOrder(
  "Once.runSync() runs it again if the one who ran it died",
  runners(2, (_actor, arena) => {
    step("do", () => arena.count(2, 1 - arena.count(2, 0))); // as often as one likes
  }),
  { kills: 1, slices: 2 },
);

inEveryOrder("Once.runSync() lets the next one run it if the function throws", () => {
  const arena = new Arena(64);
  const once = new Once(arena.memory);
  class Failure extends Error {}
  return {
    memory: arena.memory,
    actors: [
      () => {
        try {
          once.runSync(() => {
            throw new Failure();
          });
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
        }
      },
      () => {
        const ran = once.runSync(() => {});
        step("ran", () => assert(ran));
      },
    ],
    atEnd: () => assertEquals([...arena.words.subarray(0, 3)], [0, 0, 1]),
  };
});
