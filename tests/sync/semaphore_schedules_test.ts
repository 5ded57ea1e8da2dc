/** Semaphore and SharedEvent in every order of a few threads. */

import { assert, assertEquals } from "@std/assert";
import { Semaphore, SharedEvent } from "@mmap/mmap/sync";
import { BufferWords } from "../../src/wait/buffer_words.ts";
import { AcquireAttempt } from "../../src/sync/semaphore.ts";
import { PassAttempt } from "../../src/sync/shared_event.ts";
import { Arena, inEveryOrder, inTime, waitOrAbort } from "../wait/_plans.ts";
import { isKilled, type Plan, step, times } from "../wait/_scheduler.ts";

inEveryOrder("Semaphore.release() gives one permit to each of two that wait", () => {
  const arena = new Arena(64);
  const semaphore = new Semaphore(arena.memory);
  return {
    memory: arena.memory,
    actors: [
      () => semaphore.acquireSync(),
      () => semaphore.acquireSync(),
      () => times(2, () => semaphore.release()),
    ],
    atEnd: () => arena.assertZero(),
  };
}, { preemptions: 3 });

inEveryOrder("Semaphore.release() of two at once wakes two", () => {
  const arena = new Arena(64);
  const semaphore = new Semaphore(arena.memory);
  return {
    memory: arena.memory,
    actors: [
      () => semaphore.acquireSync(),
      () => semaphore.acquireSync(),
      () => semaphore.release(2),
    ],
    atEnd: () => arena.assertZero(),
  };
}, { preemptions: 3 });

inEveryOrder("Semaphore with one permit lets one in at a time", () => {
  const arena = new Arena(64);
  const semaphore = new Semaphore(arena.memory);
  semaphore.release();
  const enter = (actor: number) => () =>
    times(2, () => {
      semaphore.acquireSync();
      arena.exclusive(actor);
      semaphore.release();
    });
  return {
    memory: arena.memory,
    actors: [enter(0), enter(1)],
    atEnd: () => {
      assertEquals([...arena.words.subarray(0, 2)], [1, 0]);
      assertEquals(arena.visits, 4);
    },
  };
}, { preemptions: 5 });

/** Two wait for one permit, one of them not for ever; the other one must get it. */
function permitFor(wait: (memory: SharedArrayBuffer) => boolean): () => Plan {
  return () => {
    const arena = new Arena(64);
    const semaphore = new Semaphore(arena.memory);
    return {
      memory: arena.memory,
      actors: [
        () => {
          if (wait(arena.memory)) semaphore.release();
        },
        () => semaphore.acquireSync(),
        () => semaphore.release(),
      ],
      atEnd: () => arena.assertZero(),
    };
  };
}

inEveryOrder(
  "Semaphore.acquireSync() that times out leaves the permit to the other one",
  permitFor((memory) => inTime(() => new Semaphore(memory).acquireSync({ timeoutMs: 10 }))),
  { timers: 1, preemptions: 3 },
);
inEveryOrder(
  "Semaphore.acquire() that is aborted leaves the permit to the other one",
  permitFor((memory) =>
    waitOrAbort(new AcquireAttempt(new BufferWords(memory, 0, 64))) !== undefined
  ),
  { timers: 1, preemptions: 3 },
);

inEveryOrder("Semaphore: a permit that a waiter died of goes to another one", () => {
  const arena = new Arena(64);
  const semaphore = new Semaphore(arena.memory);
  return {
    memory: arena.memory,
    actors: [
      () => {
        semaphore.acquireSync();
        semaphore.release();
      },
      () => {
        // As long as the dead one has not got it.
        while (!inTime(() => semaphore.acquireSync({ timeoutMs: 60 }))) {
          if (step("look", () => isKilled(0) && semaphore.count === 0)) return;
        }
        semaphore.release();
      },
      () => semaphore.release(),
    ],
  };
}, { kills: 1, victims: [0], slices: 6, preemptions: 2 });

inEveryOrder("SharedEvent.set() lets everybody pass", () => {
  const arena = new Arena(64);
  const event = new SharedEvent(arena.memory);
  return {
    memory: arena.memory,
    actors: [() => event.waitSync(), () => event.waitSync(), () => event.set()],
    atEnd: () => assertEquals([...arena.words.subarray(0, 2)], [1, 0]),
  };
}, { preemptions: 3 });

inEveryOrder("SharedEvent.set() of an auto-reset event lets one pass each time", () => {
  const arena = new Arena(64);
  const event = new SharedEvent(arena.memory, 0, { autoReset: true });
  const other = new SharedEvent(arena.memory, 0, { autoReset: true });
  return {
    memory: arena.memory,
    actors: [
      () => {
        other.waitSync();
        step("passed", () => arena.count(2));
        // The second one, only after the first was used.
        event.set();
      },
      () => {
        event.waitSync();
        step("passed", () => arena.count(2));
        event.set();
      },
      () => event.set(),
    ],
    atEnd: () => {
      assertEquals(arena.count(2, 0), 2);
      assertEquals([...arena.words.subarray(0, 2)], [1, 0]);
    },
  };
}, { preemptions: 3 });

inEveryOrder("SharedEvent.set() of an auto-reset event never lets two pass", () => {
  const arena = new Arena(64);
  const event = new SharedEvent(arena.memory, 0, { autoReset: true });
  const enter = (actor: number) => () =>
    times(2, () => {
      event.waitSync();
      arena.exclusive(actor);
      event.set();
    });
  event.set();
  return {
    memory: arena.memory,
    actors: [enter(0), enter(1)],
    atEnd: () => {
      assertEquals(arena.visits, 4);
      assertEquals([...arena.words.subarray(0, 2)], [1, 0]);
    },
  };
}, { preemptions: 5 });

/** Two wait for one auto-reset event, one of them not for ever; the other one must get it. */
function tokenFor(wait: (memory: SharedArrayBuffer) => boolean): () => Plan {
  return () => {
    const arena = new Arena(64);
    const event = new SharedEvent(arena.memory, 0, { autoReset: true });
    return {
      memory: arena.memory,
      actors: [
        () => {
          if (wait(arena.memory)) event.set();
        },
        () => event.waitSync(),
        () => event.set(),
      ],
      atEnd: () => arena.assertZero(),
    };
  };
}

inEveryOrder(
  "SharedEvent.waitSync() that times out leaves the event to the other one",
  tokenFor((memory) => {
    const event = new SharedEvent(memory, 0, { autoReset: true });
    return inTime(() => event.waitSync({ timeoutMs: 10 }));
  }),
  { timers: 1, preemptions: 3 },
);
inEveryOrder(
  "SharedEvent.wait() that is aborted leaves the event to the other one",
  tokenFor((memory) =>
    waitOrAbort(new PassAttempt(new BufferWords(memory, 0, 64), true)) !== undefined
  ),
  { timers: 1, preemptions: 3 },
);

inEveryOrder("SharedEvent.reset() keeps those out who have not passed", () => {
  const arena = new Arena(64);
  const event = new SharedEvent(arena.memory);
  return {
    memory: arena.memory,
    actors: [
      () => {
        const passed = inTime(() => event.waitSync({ timeoutMs: 10 }));
        if (passed) assert(step("look", () => arena.count(2, 0)) > 0, "passed before it was set");
      },
      () => {
        step("count", () => arena.count(2));
        event.set();
        event.reset();
      },
    ],
    atEnd: () => arena.assertZero(),
  };
}, { timers: 1 });
