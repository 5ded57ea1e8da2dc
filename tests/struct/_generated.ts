/** Structs made up from a seed, with values for them. */

import {
  array,
  bool,
  chars,
  f32,
  f64,
  type FieldType,
  i16,
  i32,
  i64,
  i8,
  isize,
  packed,
  type Struct,
  struct,
  u16,
  u32,
  u64,
  u8,
  union,
  usize,
} from "@mmap/mmap/struct";

/** A struct of which nothing is known at compile time. */
// deno-lint-ignore no-explicit-any
export type AnyStruct = Struct<any>;

const SCALARS = [i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, bool, usize, isize];

/** Numbers from a seed, the same ones at each run (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  /** One of several. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

function makeType(random: Random, depth: number, unions: boolean): FieldType {
  const kind = random.below(10);
  if (kind === 0) return chars(1 + random.below(9));
  if (kind === 1) return array(makeType(random, depth, unions), 1 + random.below(4));
  if (kind === 2 && depth > 0) return makeStruct(random, { depth: depth - 1, unions });
  return random.pick<FieldType>(SCALARS);
}

/** A struct of up to six fields, nested, packed or a union now and then. */
export function makeStruct(random: Random, { depth = 2, unions = true } = {}): AnyStruct {
  const fields: Record<string, FieldType> = {};
  const count = 1 + random.below(6);
  for (let i = 0; i < count; i++) fields[`f${i}`] = makeType(random, depth, unions);
  const kind = random.below(8);
  if (kind < 2) return packed(fields);
  return kind === 2 && unions ? union(fields) : struct(fields);
}
