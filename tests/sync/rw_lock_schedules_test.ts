/** RwLock and its list of readers in every order of a few threads. */

import { assert, assertEquals } from "@std/assert";
import { type MutexGuard, type ReadGuard, RwLock } from "@mmap/mmap/sync";
import { THREADS } from "../../src/wait/holder.ts";
import { Members } from "../../src/wait/members.ts";
import { Arena, inEveryOrder, inTime } from "../wait/_plans.ts";
import { fingerprintOf, FIRST_NUMBER, isKilled, type Plan, step } from "../wait/_scheduler.ts";

/** What an actor does with a lock. */
type Visit = (lock: RwLock, room: Room) => void;

/** A room that many may read in, or one write. */
class Room {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  read(): void {
    step("begin to read", () => {
      assertEquals(this.writers, 0, "somebody writes");
      this.#arena.count(4, 1);
    });
    step("end to read", () => {
      assertEquals(this.writers, 0, "somebody writes");
      this.#arena.count(4, -1);
    });
  }

  write(): void {
    step("begin to write", () => {
      assertEquals([this.readers, this.writers], [0, 0], "somebody is in");
      this.#arena.count(5, 1);
    });
    step("end to write", () => {
      assertEquals([this.readers, this.writers], [0, 1], "somebody is in");
      this.#arena.count(5, -1);
    });
  }

  get readers(): number {
    return this.#arena.count(4, 0);
  }

  get writers(): number {
    return this.#arena.count(5, 0);
  }
}

const reads: Visit = (lock, room) => {
  using guard = lock.readSync();
  assertEquals(guard.ownerDied, false);
  room.read();
};

const writes: Visit = (lock, room) => {
  using guard = lock.writeSync();
  assertEquals(guard.ownerDied, false);
  room.write();
};

/** Writes if it gets in within a time that may be over at any moment. */
const writesSoon: Visit = (lock, room) => {
  inTime(() => {
    using _guard = lock.writeSync({ timeoutMs: 10 });
    room.write();
  });
};

/** Reads, then writes; if somebody else is about to write, gives up. */
function upgrades(upgrade: (guard: ReadGuard) => ReturnType<ReadGuard["tryUpgrade"]>): Visit {
  return (lock, room) => {
    using reader = lock.readSync();
    room.read();
    try {
      using writer = upgrade(reader);
      if (writer !== null) room.write();
    } catch (error) {
      if (!(error instanceof Deno.errors.Busy)) throw error;
    }
  };
}

/** A plan in which each actor pays one visit. */
function visits(...actors: Visit[]): () => Plan {
  return () => {
    const arena = new Arena(RwLock.byteLength);
    const lock = new RwLock(arena.memory);
    const room = new Room(arena);
    return {
      memory: arena.memory,
      actors: actors.map((visit) => () => visit(lock, room)),
      atEnd: () => {
        assertEquals([...arena.words.subarray(0, 2)], [0, 0]); // nobody writes or waits
        const members = [...arena.words.subarray(16)];
        assertEquals(members, members.map(() => 0));
      },
    };
  };
}

inEveryOrder("RwLock keeps a reader and a writer apart", visits(reads, writes), { preemptions: 4 });
inEveryOrder("RwLock keeps two writers apart", visits(writes, writes));
inEveryOrder("RwLock lets two readers in", visits(reads, reads), { preemptions: 4 });
inEveryOrder("RwLock keeps two readers and a writer apart", visits(reads, reads, writes), {
  preemptions: 2,
});
inEveryOrder("RwLock keeps a reader and two writers apart", visits(reads, writes, writes), {
  preemptions: 2,
});
inEveryOrder(
  "RwLock.writeSync() that times out lets the others in",
  visits(reads, writesSoon, reads),
  { timers: 1, preemptions: 1 },
);
inEveryOrder(
  "RwLock.writeSync() that times out lets the next writer in",
  visits(writes, writesSoon, writes),
  { timers: 1, preemptions: 2 },
);
const upgradesSync = upgrades((guard) => guard.upgradeSync());
inEveryOrder(
  "ReadGuard.upgradeSync() by two lets one wait for the other",
  visits(upgradesSync, upgradesSync),
  {
    preemptions: 2,
  },
);
inEveryOrder(
  "ReadGuard.upgradeSync() waits for readers and shuts writers out",
  visits(upgradesSync, reads, writes),
  {
    preemptions: 2,
  },
);
inEveryOrder(
  "ReadGuard.tryUpgrade() and RwLock.tryWrite() never wait, and let one in",
  visits(upgrades((guard) => guard.tryUpgrade()), (lock, room) => {
    using guard = lock.tryWrite();
    if (guard !== null) room.write();
  }),
);

inEveryOrder("RwLock drops a reader that died, silently", () => {
  const arena = new Arena(RwLock.byteLength);
  const lock = new RwLock(arena.memory);
  const room = new Room(arena);
  return {
    memory: arena.memory,
    actors: [() => reads(lock, room), () => {
      using guard = lock.writeSync();
      step("begin to write", () => assert(room.readers === 0 || isKilled(0), "somebody reads"));
      assertEquals(guard.ownerDied, false);
    }],
  };
}, { kills: 1, victims: [0], slices: 3, preemptions: 2 });

/** Whoever comes next is told that a writer died while it wrote. */
function afterDeath(lockIt: (lock: RwLock) => MutexGuard): () => Plan {
  return () => {
    const arena = new Arena(RwLock.byteLength);
    const lock = new RwLock(arena.memory);
    const room = new Room(arena);
    return {
      memory: arena.memory,
      actors: [() => writes(lock, room), () => {
        using guard = lockIt(lock);
        step("told", () => {
          if (room.writers === 1) assert(guard.ownerDied, "nobody told of the death");
          if (!isKilled(0)) assert(!guard.ownerDied, "told of a death that was none");
        });
      }],
    };
  };
}

inEveryOrder("RwLock.readSync() tells that a writer died", afterDeath((lock) => lock.readSync()), {
  kills: 1,
  victims: [0],
  slices: 3,
  preemptions: 3,
});
inEveryOrder(
  "RwLock.writeSync() tells that a writer died",
  afterDeath((lock) => lock.writeSync()),
  {
    kills: 1,
    victims: [0],
    slices: 3,
    preemptions: 3,
  },
);

inEveryOrder("A list of members never loses one that lives", () => {
  const arena = new Arena(RwLock.byteLength);
  const members = new Members(16, THREADS);
  const cells = new Int32Array(arena.memory, 0, 20); // of two slots
  arena.words.set([18, FIRST_NUMBER, fingerprintOf(0)], 15); // the first actor is in
  return {
    memory: arena.memory,
    actors: [
      () => {
        members.leave(cells, 16);
        members.enter(cells);
      },
      () => {
        const at = members.enter(cells);
        if (at !== undefined) members.leave(cells, at);
      },
      // It reads the thread number of one member and the fingerprint of the next.
      () => members.dropDead(cells),
    ],
    atEnd: () => {
      const first = arena.words[16] === 0 ? 18 : 16;
      assertEquals([...arena.words.subarray(first, first + 2)], [FIRST_NUMBER, fingerprintOf(0)]);
    },
  };
});
