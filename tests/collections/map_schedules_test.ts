/** Look-ups in a map in every order beside a writer that changes and resizes it, or is killed. */

import { assert, assertEquals } from "@std/assert";
import { MapKey } from "../../src/collections/map_key.ts";
import {
  layOutNew,
  layOutNext,
  layoutNow,
  type MapLayout,
  RESIZES,
  SIZE,
} from "../../src/collections/map_layout.ts";
import { collect, lookUp, type MapInMemory } from "../../src/collections/map_reader.ts";
import {
  clearEntries,
  deleteEntry,
  moveEntries,
  repairMap,
  setEntry,
} from "../../src/collections/map_writer.ts";
import { isKilled, type Plan, step } from "../wait/_scheduler.ts";
import { inEveryOrder } from "../wait/_plans.ts";

/** So long that a copy is one step. */
const LENGTH = 28;

const FIRST = layOutNew({ capacity: 1, maxKeyByteLength: 4, valueByteLength: LENGTH });
const WRITER = 0;

type Name = "a" | "b";
type Operation =
  | readonly ["set", Name, number]
  | readonly ["delete", Name]
  | readonly [
    "clear" | "resize",
  ];

/** What a key has after so many operations; -1 if it is not there. */
function valueAfter(operations: readonly Operation[], count: number, name: Name): number {
  let value = -1;
  for (const [what, key, set] of operations.slice(0, count)) {
    if (what === "clear") value = -1;
    else if (key === name) value = what === "set" ? set : -1;
  }
  return value;
}

/** A map, who changes it, and how far that is known to be done. */
class World {
  readonly memory: SharedArrayBuffer;
  readonly #operations: readonly Operation[];
  readonly #before: number;
  /** Those that the map has one after the other. */
  readonly #layouts = [FIRST];
  #begun = 0;
  #done = 0;

  /** @param before how many of the operations are done before anybody looks */
  constructor(operations: readonly Operation[], before: number) {
    this.#operations = operations;
    this.#before = before;
    // One more, as whoever comes after a death makes the last resize again.
    for (const [what] of [...operations, ["resize"] as const]) {
      const layout = this.#layouts.at(-1)!;
      if (what === "resize") this.#layouts.push(layOutNext(layout, layout.capacity + 1));
    }
    const lengths = this.#layouts.map(({ byteLength }) => byteLength);
    this.memory = new SharedArrayBuffer(Math.max(...lengths) + 64);
    const map = this.#open();
    for (; this.#done < before; this.#begun = ++this.#done) this.#perform(map, this.#done);
  }

  /** @param copy how its bytes are copied: in the actors, in steps */
  #open(copy = (bytes: Uint8Array): Uint8Array => bytes): MapInMemory & { layout: MapLayout } {
    const words = new Int32Array(this.memory);
    const map = {
      words,
      bytes: copy(new Uint8Array(this.memory)),
      pooled: false,
      layout: FIRST,
      check: () => {},
      settle: (action: string) => {
        if (words[RESIZES] === map.layout.resizes) return;
        map.layout = layoutNow(words, map.layout, action);
        assertEquals(map.layout, this.#layouts[map.layout.resizes]);
      },
    };
    return map;
  }

  #perform(map: MapInMemory & { layout: MapLayout }, number: number): void {
    const [what, name, value] = this.#operations[number]!;
    const key = new MapKey(4, 0);
    if (name !== undefined) key.take(name, "test");
    if (what === "set") {
      const bytes = new Uint8Array(LENGTH).fill(value);
      assert(setEntry(map, map.layout, key, bytes, LENGTH), "there is room");
    } else if (what === "delete") deleteEntry(map, map.layout, key);
    else if (what === "clear") clearEntries(map, map.layout);
    else {
      const next = layOutNext(map.layout, map.layout.capacity + 1);
      moveEntries(map, map.layout, next);
      map.layout = next;
    }
  }

  /** The rest of the operations. */
  writes(): () => void {
    return () => {
      const map = this.#open(inSteps);
      map.settle("test");
      for (let number = this.#before; number < this.#operations.length; number++) {
        step("begin", () => void (this.#begun = number + 1));
        this.#perform(map, number);
        step("done", () => void (this.#done = number + 1));
      }
    };
  }

  /** Looks a key up, with the first layout in mind or with the present one. */
  looksUp(name: Name): () => void {
    return () => {
      const map = this.#open(inSteps);
      const key = new MapKey(4, 0);
      key.take(name, "test");
      const before = step("look", () => this.#done);
      const value = lookUp(map, key);
      step("check", () => this.#check(name, value, before, this.#begun));
    };
  }

  /** Reads all entries. */
  collects(): () => void {
    return () => {
      const map = this.#open(inSteps);
      const before = step("look", () => this.#done);
      const entries = new Map(collect(map).map(({ key, value }) => [key[0]!, value]));
      step("check", () => {
        for (const name of ["a", "b"] as const) {
          this.#check(name, entries.get(name.charCodeAt(0)), before, this.#begun);
        }
      });
    };
  }

  #check(name: Name, found: Uint8Array | undefined, from: number, to: number): void {
    if (found !== undefined) assert(found.every((byte) => byte === found[0]), `torn: ${found}`);
    const possible = new Set<number>();
    for (let count = from; count <= to; count++) {
      possible.add(valueAfter(this.#operations, count, name));
    }
    const value = found === undefined ? -1 : found[0]!;
    assert(possible.has(value), `${name} is ${value}, and may be ${[...possible]}`);
  }

  /** What the next writer finds. */
  checkAfterwards(): void {
    const map = this.#open();
    map.settle("test");
    if (isKilled(WRITER)) repairMap(map, map.layout);
    let size = 0;
    for (const name of ["a", "b"] as const) {
      const key = new MapKey(4, 0);
      key.take(name, "test");
      const value = lookUp(map, key);
      this.#check(name, value, this.#done, this.#begun);
      if (value !== undefined) size++;
    }
    assertEquals(map.words[SIZE], size);
    // Who goes on can change all.
    const rest = Array.from(this.#operations.keys()).slice(this.#done);
    for (const number of rest) this.#perform(map, number);
    for (const { key, value } of collect(map)) {
      const name = String.fromCharCode(key[0]!) as Name;
      this.#check(name, value, this.#operations.length, this.#operations.length);
    }
  }
}

/** The last resize puts the map where it was at first. */
const REUSED: readonly Operation[] = [
  ["set", "a", 1],
  ["resize"],
  ["set", "a", 2],
  ["resize"],
  ["set", "b", 3],
  ["resize"],
  ["set", "a", 4],
];

/** Copies are steps, too: else each run of an actor from its beginning would make them again. */
function inSteps(bytes: Uint8Array): Uint8Array {
  return new Proxy(bytes, {
    get(target, name): unknown {
      if (name === "set") {
        return (value: Uint8Array, at: number) => step("copy in", () => target.set(value, at));
      }
      if (name === "slice") {
        return (start: number, end: number) => step("copy out", () => target.slice(start, end));
      }
      return step("byte", () => Reflect.get(target, name, target));
    },
  });
}

function plan(
  operations: readonly Operation[],
  before: number,
  reads: (world: World) => (() => void)[],
): () => Plan {
  return () => {
    const world = new World(operations, before);
    return {
      memory: world.memory,
      actors: [world.writes(), ...reads(world)],
      atEnd: () => world.checkAfterwards(),
    };
  };
}

inEveryOrder(
  "a look-up in a map finds what is there while it is resized",
  plan([["set", "a", 1], ["resize"], ["set", "a", 2]], 1, (world) => [world.looksUp("a")]),
  { preemptions: 2 },
);

inEveryOrder(
  "a look-up in a map is right where a second resize uses the first part again",
  plan(REUSED, 2, (world) => [world.looksUp("a")]),
  { preemptions: 2 },
);

inEveryOrder(
  "a look-up in a map finds no key that a resized map has lost",
  plan([["set", "a", 1], ["resize"], ["clear"], ["set", "b", 2]], 1, (world) => [
    world.looksUp("a"),
  ]),
  { preemptions: 2 },
);

inEveryOrder(
  "the entries of a map are read whole while it is resized",
  plan(REUSED, 1, (world) => [world.collects()]),
  { preemptions: 1 },
);

inEveryOrder(
  "a map is whole if a writer is killed at any step of resizes",
  plan(REUSED, 1, (world) => [world.looksUp("a")]),
  { preemptions: 1, kills: 1, victims: [WRITER] },
);
