/** Sleeping in the event loop and being rung for, in every order. */

import { Bedroom } from "./_doorbell_plans.ts";
import { inEveryOrder } from "../wait/_plans.ts";
import type { Plan } from "../wait/_scheduler.ts";

/** Some who sleep, and some who wake them. */
function waking(sleepers: number, wakers: number, bedroom: Bedroom): Plan {
  return {
    memory: bedroom.memory,
    actors: [
      ...Array.from({ length: sleepers }, (_, i) => bedroom.sleeps(i)),
      ...Array.from({ length: wakers }, () => bedroom.wakes()),
    ],
  };
}

inEveryOrder(
  "a doorbell wakes one who falls asleep at any step",
  () => waking(1, 1, new Bedroom(1)),
);

inEveryOrder("a doorbell wakes one for whom two ring", () => waking(1, 2, new Bedroom(1)), {
  preemptions: 3,
});

inEveryOrder("a doorbell wakes both of two who sleep", () => waking(2, 1, new Bedroom(2)), {
  preemptions: 3,
});

inEveryOrder(
  "a doorbell wakes one who rises, looks, and sleeps on",
  () => waking(1, 1, Object.assign(new Bedroom(1), { restless: true })),
);

inEveryOrder(
  "a word wakes who sleeps on it while nobody has tried the doorbell",
  () => waking(1, 1, new Bedroom(1, [], false)),
);

inEveryOrder(
  "a word wakes who has a doorbell that nobody can reach",
  () => waking(1, 1, new Bedroom(1, [0])),
);

inEveryOrder(
  "a doorbell wakes one, and a word another one whose doorbell nobody can reach",
  () => waking(2, 1, new Bedroom(2, [1])),
  { preemptions: 3 },
);

// Who is killed between two steps of ringing wakes nobody: then a slice of the wait has to end.
inEveryOrder(
  "one who sleeps notices by itself what a dead one did not ring for",
  () => waking(1, 2, new Bedroom(1)),
  { kills: 1, slices: 2, preemptions: 2, victims: [1] },
);
