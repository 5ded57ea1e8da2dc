/** What is a bag of options, and what may be in it. */

import { assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import {
  callable,
  checkOptions,
  choice,
  flag,
  type Names,
  optionalSignal,
  text,
} from "../../src/check/options.ts";

interface Pair {
  first?: number;
  second?: number;
}

const PAIR: Names<Pair> = { first: true, second: true };

function check(options: unknown): void {
  checkOptions(options as Pair, PAIR, "open pair");
}

function wrong(options: unknown, message: string): void {
  assertThrows(() => check(options), TypeError, message);
}

Deno.test("checkOptions() takes known options, also undefined and inherited ones", () => {
  class Given {
    get first(): number {
      return 1;
    }
  }
  const bags = [{}, { first: 1 }, { first: 1, second: 2 }, { second: undefined }, new Given()];
  for (const bag of bags) check(bag);
  check(Object.create({ first: 1, unknown: 2 }));
  check(Object.assign(Object.create(null), { first: 1 }));
  check(Object.freeze({ second: 2 }));
});

Deno.test("checkOptions() names an option that there is not, whatever its value", () => {
  const message = "Cannot open pair as there is no option 'third' here";
  for (const value of [1, undefined, null, false, {}]) wrong({ first: 1, third: value }, message);
  wrong(Object.assign(Object.create(null), { third: 1 }), message);
});

Deno.test("checkOptions() refuses names that every object has", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty"]) {
    wrong({ [name]: true }, `there is no option '${name}' here`);
  }
  wrong(JSON.parse(`{ "__proto__": 1 }`), "there is no option '__proto__' here");
});

Deno.test("checkOptions() reads no option", () => {
  const reads: PropertyKey[] = [];
  const bag = new Proxy({ first: 1, second: 2 }, {
    get(target, key, receiver): unknown {
      reads.push(key);
      return Reflect.get(target, key, receiver);
    },
  });
  check(bag);
  assertEquals(reads, []);
});

Deno.test("checkOptions() throws TypeError for what is no object", () => {
  const values: [unknown, string][] = [
    [null, "null"],
    [1, "1"],
    ["x", `"x"`],
    [true, "true"],
    [1n, "1"],
    [Symbol("x"), "symbol"],
    [() => {}, "function"],
  ];
  for (const [value, shown] of values) {
    wrong(value, `Cannot open pair as the options must be an object: received ${shown}`);
  }
});

Deno.test("checkOptions() throws TypeError for typed arrays at once, however long", () => {
  for (const value of [new Uint8Array(2 ** 28), new DataView(new ArrayBuffer(1))]) {
    wrong(value, "as the options must be an object: received an array of bytes");
  }
});

Deno.test("checkOptions() calls the bag what its caller does", () => {
  const act = () => checkOptions(null as unknown as Pair, PAIR, "open pair", "range");
  assertThrows(act, TypeError, "Cannot open pair as the range must be an object: received null");
});

Deno.test("callable(), text(), flag(), choice() and optionalSignal() say what they want", () => {
  const cases: [(value: unknown) => unknown, string, unknown][] = [
    [(value) => callable(value, "x", "act"), "a function", () => {}],
    [(value) => text(value, "x", "act"), "a string", "word"],
    [(value) => flag(value, "x", "act", true), "a boolean", false],
    [(value) => choice(value, ["a"], "x", "act"), `"a"`, "a"],
    [(value) => choice(value, ["a", "b"], "x", "act"), `"a" or "b"`, "b"],
    [(value) => choice(value, ["a", "b", "c"], "x", "act"), `"a", "b" or "c"`, "c"],
    [(value) => optionalSignal(value, "act"), "an AbortSignal", new AbortController().signal],
  ];
  for (const [read, wanted, good] of cases) {
    assertStrictEquals(read(good), good);
    const error = assertThrows(() => read(1), TypeError);
    assertMatch(error.message, new RegExp(`^Cannot act as \\w+ must be ${wanted}: received \\w+$`));
  }
});

Deno.test("choice() and optionalSignal() let undefined pass, and null not", () => {
  for (const read of [(v: unknown) => choice(v, ["a"], "x", "act"), optionalSignal]) {
    assertStrictEquals(read(undefined, "act"), undefined);
    assertThrows(() => read(null, "act"), TypeError, "received null");
  }
});
