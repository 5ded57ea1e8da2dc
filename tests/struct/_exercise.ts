/**
 * Everything that records do, as one text: the classes of a struct are compiled from source where a
 * program may do that, and made without it elsewhere, and both must give the same. As a program it
 * prints its text behind a line that says whether source may be compiled.
 */

import {
  array,
  bigEndian,
  bool,
  chars,
  f64,
  i16,
  struct,
  u32,
  u64,
  union,
} from "@mmap/mmap/struct";

const Point = struct({ x: i16, y: i16 });
const Thing = struct({
  name: chars(6),
  count: u32,
  total: bigEndian(u64),
  weight: f64,
  alive: bool,
  at0: Point,
  marks: array(i16, 3),
  either: union({ word: u32, low: i16 }),
});

/** What an action gives, or its error. */
function outcome(action: () => unknown): string {
  try {
    return Deno.inspect(action());
  } catch (error) {
    return String(error);
  }
}

/** The outcomes of every access. */
export function exercise(): string {
  const bytes = new Uint8Array(5 * Thing.byteLength + 1);
  const things = Thing.array(bytes, { byteOffset: 1, length: 5 });
  const first = things.at(0);
  const counts = things.column("count");
  const names = things.column("name");
  const actions = [
    () => first.set({ name: "Ann", count: -1, total: 5n, weight: 0.5, alive: true }),
    () => first.set({ at0: { y: 4 }, marks: [1, 2, 3], either: { word: 7, low: -1 } }),
    () => first.get(),
    () => things.at(-1).set(first),
    () => things[4],
    () => (first.count += 2, first.marks[1] = 9, first.at0.x = 3, first.total),
    () => (first.either.word = 70_000, first.either.low),
    () => first.set({ count: 5, name: "too long" }),
    () => first.set({ none: 5 } as never),
    () => first.set(Point.at(bytes) as never),
    () => first.set(null as never),
    () => first.total = 5 as never,
    () => first.set({ count: 1n as never }),
    () => things.at(5),
    () => things.at(-6),
    () => things.at(0.5),
    () => things.at("0" as never),
    () => things[5],
    () => (counts.set(-1, 77), names.set(1, "Bo"), [...counts]),
    () => counts.at(5),
    () => counts.set(5, 1),
    () => names.at(NaN),
    () => [...names],
    () => [...things].map(({ count, alive }) => [count, alive]),
    () => [things.length, counts.length],
    () => things.column("none" as never),
    () => JSON.stringify(Point.array(bytes, { length: 1 })),
    () => bytes.toHex(),
  ];
  return actions.map(outcome).join("\n");
}

if (import.meta.main) {
  console.log(outcome(() => new Function("return true")()));
  console.log(exercise());
}
