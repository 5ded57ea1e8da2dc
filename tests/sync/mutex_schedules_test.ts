/** Mutex and its lock word in every order of a few threads. */

import { assert, assertEquals } from "@std/assert";
import { Mutex, type MutexGuard } from "@mmap/mmap/sync";
import { BufferWords } from "../../src/wait/buffer_words.ts";
import { LockAttempt } from "../../src/wait/lock_attempt.ts";
import { RobustWord } from "../../src/wait/robust_word.ts";
import { Arena, inEveryOrder, inTime, waitOrAbort } from "../wait/_plans.ts";
import {
  fingerprintOf,
  FIRST_NUMBER,
  isKilled,
  type Plan,
  step,
  times,
} from "../wait/_scheduler.ts";

/** Each actor locks a mutex and unlocks it, `rounds` times. */
function lockers(actors: number, rounds: number): () => Plan {
  return () => {
    const arena = new Arena(64);
    const mutex = new Mutex(arena.memory);
    const lock = (actor: number) =>
      times(rounds, () => {
        using guard = mutex.lockSync();
        arena.exclusive(actor);
        assertEquals(guard.ownerDied, false);
      });
    return {
      memory: arena.memory,
      actors: Array.from({ length: actors }, (_, actor) => () => lock(actor)),
      atEnd: () => {
        assertEquals(arena.visits, actors * rounds);
        arena.assertZero();
      },
    };
  };
}

inEveryOrder("Mutex.lockSync() lets one of two in at a time", lockers(2, 2));
inEveryOrder("Mutex.lockSync() lets one of three in at a time", lockers(3, 1), { preemptions: 3 });
inEveryOrder("Mutex.lockSync() lets one of three in, twice", lockers(3, 2), { preemptions: 2 });

inEveryOrder("Mutex.tryLock() lets one in at a time, and never waits", () => {
  const arena = new Arena(64);
  const mutex = new Mutex(arena.memory);
  const tryTwice = (actor: number) =>
    times(2, () => {
      using guard = mutex.tryLock();
      if (guard !== null) arena.exclusive(actor);
    });
  return {
    memory: arena.memory,
    actors: [() => tryTwice(0), () => tryTwice(1)],
    atEnd: () => {
      assert(arena.visits >= 2); // an actor that runs alone gets it
      arena.assertZero();
    },
  };
});

/** One actor of three gives up. */
function impatient(
  giveUp: (mutex: Mutex, word: RobustWord, body: () => void) => void,
): () => Plan {
  return () => {
    const arena = new Arena(64);
    const mutex = new Mutex(arena.memory);
    const word = new RobustWord(new BufferWords(arena.memory, 0, 64), 0);
    const lock = (actor: number) => {
      using _guard = mutex.lockSync();
      arena.exclusive(actor);
    };
    return {
      memory: arena.memory,
      actors: [
        () => lock(0),
        () => giveUp(mutex, word, () => arena.exclusive(1)),
        () => lock(2),
      ],
      atEnd: () => {
        assert(arena.visits >= 2);
        arena.assertZero();
      },
    };
  };
}

inEveryOrder(
  "Mutex.lockSync() that times out loses no wake-up",
  impatient((mutex, _word, body) => {
    inTime(() => {
      using _guard = mutex.lockSync({ timeoutMs: 10 });
      body();
    });
  }),
  { timers: 1, preemptions: 2 },
);

inEveryOrder(
  "Mutex.lock() that is aborted loses no wake-up",
  impatient((_mutex, word, body) => {
    if (waitOrAbort(new LockAttempt(word, "lock mutex")) === undefined) return;
    body();
    word.release();
  }),
  { timers: 1, preemptions: 2 },
);

/** Each actor locks; who is killed inside is told of. */
function mortals(actors: number, take: (mutex: Mutex) => MutexGuard | null): () => Plan {
  return () => {
    const arena = new Arena(64);
    const mutex = new Mutex(arena.memory);
    const lock = (actor: number) => {
      using guard = take(mutex);
      if (guard === null) return;
      step("told", () => {
        if (arena.inside !== 0) assert(guard.ownerDied, "nobody told of the death");
        arena.evict();
      });
      arena.exclusive(actor);
    };
    return {
      memory: arena.memory,
      actors: Array.from({ length: actors }, (_, actor) => () => lock(actor)),
      atEnd: ({ killed }) => {
        assert(arena.visits >= actors - killed.size);
        if (killed.size === 0) arena.assertZero();
      },
    };
  };
}

inEveryOrder(
  "Mutex.lockSync() recovers from a death at any step, with two threads",
  mortals(2, (mutex) => mutex.lockSync()),
  { kills: 1, slices: 1 },
);
inEveryOrder(
  "Mutex.lockSync() recovers from a death at any step, with three threads",
  mortals(3, (mutex) => mutex.lockSync()),
  { kills: 1, slices: 1, preemptions: 1 },
);
inEveryOrder(
  "Mutex.lockSync() recovers from two deaths, of the recovering one as well",
  mortals(3, (mutex) => mutex.lockSync()),
  { kills: 2, slices: 2, preemptions: 0 },
);

inEveryOrder("Mutex.tryLock() takes the lock of a dead holder at once", () => {
  const arena = new Arena(64);
  const mutex = new Mutex(arena.memory);
  return {
    memory: arena.memory,
    actors: [
      () => {
        using _guard = mutex.lockSync();
        arena.exclusive(0);
      },
      () => {
        const wasDead = step("look", () => isKilled(0));
        using guard = mutex.tryLock();
        if (wasDead) assert(guard !== null);
      },
    ],
  };
}, { kills: 1, victims: [0] });

inEveryOrder("A lock word is never taken from a holder that lives", () => {
  const arena = new Arena(64);
  const word = new RobustWord(new BufferWords(arena.memory, 0, 64), 0);
  arena.words.set([FIRST_NUMBER, fingerprintOf(0)]); // the first actor holds it
  const leave = () => {
    arena.exclusive(0);
    word.release();
  };
  return {
    memory: arena.memory,
    actors: [
      () => {
        word.release();
        if (word.tryTake()) leave();
      },
      () => {
        if (word.tryTake()) word.release();
      },
      () => {
        // It reads the thread number of one holder and the fingerprint of the next.
        assertEquals(word.takeIfDead(), false);
      },
    ],
  };
});

inEveryOrder("A lock word whose holder's number was given to another thread is taken", () => {
  const arena = new Arena(64);
  const mutex = new Mutex(arena.memory);
  // The number of a thread that lives, with the fingerprint of one that had it before.
  arena.words.set([FIRST_NUMBER, fingerprintOf(7)]);
  const lock = (actor: number) => {
    using guard = mutex.lockSync();
    arena.exclusive(actor, () => {
      if (guard.ownerDied) step("told", () => arena.count(2));
    });
  };
  return {
    memory: arena.memory,
    actors: [() => lock(0), () => lock(1)],
    atEnd: () => {
      assertEquals(arena.count(2, 0), 1); // one of them was told
      arena.assertZero();
    },
  };
});
