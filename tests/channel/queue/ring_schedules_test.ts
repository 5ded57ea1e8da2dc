/** The ring and its bells in every order of a few producers and consumers. */

import { inEveryOrder } from "../../wait/_plans.ts";
import { LONG, type Shape, SHORT, World } from "./_ring_plans.ts";
import type { Plan } from "../../wait/_scheduler.ts";

/** A plan in which everybody comes to the end, and gets all. */
function passing(lengths: readonly (readonly number[])[], shape: Shape = {}): () => Plan {
  return () => {
    const producers = lengths.length;
    const { consumers = 1 } = shape;
    const world = new World({ ...shape, producers });
    return {
      memory: world.memory,
      actors: [
        ...lengths.map((own, actor) => world.sends(actor, own)),
        ...Array.from({ length: consumers }, (_, i) => world.receives(producers + i)),
      ],
      atEnd: () => world.checkAll(lengths),
    };
  };
}

/** The second record takes half of the ring and stands in the middle: the third finds PADDING. */
const PADDED = [SHORT, LONG, LONG];

inEveryOrder("Channel passes messages around the ring's end", passing([PADDED]), {
  preemptions: 2,
});

inEveryOrder("Channel passes messages into memory of the consumer", () => {
  const world = new World({});
  return {
    memory: world.memory,
    actors: [world.sends(0, PADDED), world.receivesInto(1)],
    atEnd: () => world.checkAll([PADDED]),
  };
}, { preemptions: 2 });

inEveryOrder(
  "Channel passes messages where the upper half of a position changes",
  passing([PADDED], { position: 2 ** 32 - 6 }),
  { preemptions: 2 },
);

inEveryOrder("Channel wakes a producer that sleeps at a full ring", passing([[LONG, LONG, LONG]]), {
  preemptions: 2,
});

inEveryOrder("Channel passes messages of two producers", passing([[SHORT, LONG], [LONG]]), {
  preemptions: 1,
});

inEveryOrder(
  "Channel passes messages to two consumers",
  passing([[LONG, SHORT]], { consumers: 2 }),
  { preemptions: 1 },
);

inEveryOrder(
  "Channel tells both of two consumers of the end",
  passing([[SHORT]], { consumers: 2 }),
  { preemptions: 1 },
);

inEveryOrder("Channel wakes each of two consumers that take one message", () => {
  const world = new World({ consumers: 2 });
  return {
    memory: world.memory,
    actors: [world.sends(0, [SHORT, SHORT], false), world.receives(1, 1), world.receives(2, 1)],
    atEnd: () => world.checkAll([[SHORT, SHORT]]),
  };
}, { preemptions: 1 });

inEveryOrder(
  "Channel passes messages of two producers to two consumers",
  passing([[LONG], [SHORT]], { consumers: 2 }),
  { preemptions: 0 },
);

/** A plan in which some are killed, and the others come to an end of their own. */
function killing(lengths: readonly (readonly number[])[], shape: Shape = {}): () => Plan {
  return () => {
    const producers = lengths.length;
    const { consumers = 1 } = shape;
    const world = new World({ ...shape, producers });
    return {
      memory: world.memory,
      actors: [
        ...lengths.map((own, actor) => world.sends(actor, own)),
        ...Array.from({ length: consumers }, (_, i) => world.receives(producers + i)),
      ],
      atEnd: ({ killed }) => world.check(killed.size),
    };
  };
}

// A wait ends after 30 ms to look for the dead: so many slices may pass until all have noticed.
const NOTICED = { kills: 1, slices: 3 };

inEveryOrder(
  "Channel loses nothing if an end dies at any step",
  killing([PADDED]),
  { ...NOTICED, preemptions: 1 },
);

inEveryOrder(
  "Channel loses nothing if an end dies where the upper half of a position changes",
  killing([PADDED], { position: 2 ** 32 - 6 }),
  { ...NOTICED, preemptions: 1 },
);

inEveryOrder(
  "Channel goes on if one of two producers dies at any step",
  killing([[SHORT, LONG], [LONG]]),
  { ...NOTICED, preemptions: 0, victims: [0] },
);

inEveryOrder(
  "Channel goes on if one of two consumers dies at any step",
  killing([[LONG, SHORT]], { consumers: 2 }),
  { ...NOTICED, preemptions: 0, victims: [1] },
);

inEveryOrder(
  "Channel.close() of the last producer at any step wakes a consumer that sleeps",
  passing([[SHORT]]),
  { preemptions: 5 },
);

inEveryOrder(
  "Channel.close() of the last consumer at any step wakes a producer that sleeps",
  () => {
    const world = new World({});
    return {
      memory: world.memory,
      actors: [world.sends(0, [LONG, LONG, LONG]), world.leavesAfter(1, 1)],
      atEnd: () => world.check(),
    };
  },
  { preemptions: 3 },
);

inEveryOrder("Slot.commit() of two producers interleaves nothing", () => {
  const world = new World({ producers: 2 });
  return {
    memory: world.memory,
    actors: [
      world.commits(0, LONG, SHORT),
      world.sends(1, [SHORT], false),
      world.receives(2, 2),
    ],
    atEnd: () => world.check(),
  };
}, { preemptions: 1 });
