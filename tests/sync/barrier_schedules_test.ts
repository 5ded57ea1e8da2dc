/** Barrier in every order of a few threads. */

import { assert, assertEquals } from "@std/assert";
import { Barrier } from "@mmap/mmap/sync";
import { Arena, inEveryOrder, inTime } from "../wait/_plans.ts";
import { isKilled, type Plan, step, times } from "../wait/_scheduler.ts";

const ROUND = 2;

/** Each actor passes a barrier so often; word 2 counts who came, word 3 the leaders. */
function meeting(
  { actors, parties, rounds }: { actors: number; parties: number; rounds: number },
  atEnd: (arena: Arena) => void,
): () => Plan {
  return () => {
    const arena = new Arena(1024);
    const barrier = new Barrier(arena.memory, 0, parties);
    const meet = () =>
      times(rounds, (round) => {
        step("come", () => arena.count(2));
        const isLeader = barrier.waitSync();
        step("go on", () => {
          assert(arena.count(2, 0) >= (round + 1) * parties, "not all had come");
          if (isLeader) arena.count(3);
        });
      });
    return {
      memory: arena.memory,
      actors: Array.from({ length: actors }, () => meet),
      atEnd: () => atEnd(arena),
    };
  };
}

function assertRounds(rounds: number): (arena: Arena) => void {
  return (arena) => {
    assertEquals(arena.count(3, 0), rounds); // one leader each
    assertEquals([...arena.words.subarray(0, 3)], [0, 0, rounds]);
  };
}

inEveryOrder(
  "Barrier.waitSync() holds two until both have come",
  meeting({ actors: 2, parties: 2, rounds: 1 }, assertRounds(1)),
);
inEveryOrder(
  "Barrier.waitSync() holds two in every round",
  meeting({ actors: 2, parties: 2, rounds: 2 }, assertRounds(2)),
  { preemptions: 3 },
);
inEveryOrder(
  "Barrier.waitSync() holds three until all have come",
  meeting({ actors: 3, parties: 3, rounds: 1 }, assertRounds(1)),
  { preemptions: 2 },
);
inEveryOrder("Barrier.waitSync() does not count a party that died before the others came", () => {
  const arena = new Arena(1024);
  const barrier = new Barrier(arena.memory, 0, 2);
  const meet = () => {
    step("come", () => {
      if (isKilled(0) && arena.words[ROUND] === 0) arena.count(2);
    });
    const passed = inTime(() => barrier.waitSync({ timeoutMs: 60 }));
    step("passed", () => arena.count(3, passed ? 1 : 0));
  };
  return {
    memory: arena.memory,
    actors: [() => void inTime(() => barrier.waitSync({ timeoutMs: 60 })), meet, meet],
    atEnd: () => {
      const cameAfterDeath = arena.count(2, 0);
      const passed = arena.count(3, 0);
      assert(passed >= 1, "nobody passed");
      if (cameAfterDeath === 2) assertEquals(passed, 2);
    },
  };
}, { kills: 1, victims: [0], slices: 6, preemptions: 1 });

inEveryOrder("Barrier.waitSync() that times out withdraws", () => {
  const arena = new Arena(1024);
  const barrier = new Barrier(arena.memory, 0, 2);
  const meet = () => {
    const passed = inTime(() => barrier.waitSync({ timeoutMs: 10 }));
    step("passed", () => arena.count(2, passed ? 1 : 0));
  };
  return {
    memory: arena.memory,
    actors: [meet, meet],
    atEnd: () => {
      const passed = arena.count(2, 0);
      assertEquals(passed, 2 * arena.words[ROUND]!); // both or none
      const members = [...arena.words.subarray(16)];
      if (passed === 0) assertEquals(members, members.map(() => 0));
    },
  };
}, { timers: 1, preemptions: 3 });
