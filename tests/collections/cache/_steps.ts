/**
 * A process that dies between two stores into a cache, or that is interrupted between two reads of it.
 * The views of collections are replaced by ones that count each access; from some store on they do
 * nothing but throw, and at some read they let others act.
 */

import { RegionMemory } from "../../../src/collections/region_memory.ts";

/** Thrown in place of each store after the death. */
export class Death extends Error {}

let enabled = false;
let left = Infinity;
let stores = 0;

function store(perform: () => void): void {
  if (left <= 0) throw new Death();
  left--;
  stores++;
  perform();
}

let reads = 0;
let interruptAt = Infinity;
let interrupt = (): void => {};

function read<T>(perform: () => T): T {
  if (++reads === interruptAt) {
    enabled = false;
    interrupt();
    enabled = true;
  }
  return perform();
}

type View = Int32Array | Float64Array | Uint8Array;
const proxies = new WeakMap<View, View>();
const targets = new WeakMap<object, View>();

/** What a copy of several bytes does: a process may die in its middle. */
function halves(length: number, perform: (from: number, to: number) => void): void {
  const half = length >> 1;
  if (half > 0) store(() => perform(0, half));
  store(() => perform(half, length));
}

const METHODS: Record<string, (target: Uint8Array) => (...args: never[]) => unknown> = {
  set: (target) => (source: Uint8Array, at: number) =>
    halves(source.length, (from, to) => target.set(source.subarray(from, to), at + from)),
  copyWithin: (target) => (to: number, from: number, end: number) =>
    halves(end - from, (a, b) => target.copyWithin(to + a, from + a, from + b)),
  slice: (target) => (from: number, to: number) => {
    const copy = new Uint8Array(to - from);
    const half = copy.length >> 1;
    read(() => copy.set(target.subarray(from, from + half)));
    read(() => copy.set(target.subarray(from + half, to), half));
    return copy;
  },
};

function watched(view: View): View {
  const known = proxies.get(view);
  if (known !== undefined) return known;
  const proxy = new Proxy(view, {
    get(target, key): unknown {
      if (typeof key === "string" && METHODS[key] !== undefined) {
        return METHODS[key](target as Uint8Array);
      }
      const isElement = typeof key === "string" && /^\d+$/.test(key);
      const value = isElement ? read(() => target[Number(key)]) : Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set(target, key, value): boolean {
      store(() => Reflect.set(target, key, value, target));
      return true;
    },
  });
  proxies.set(view, proxy);
  targets.set(proxy, view);
  return proxy;
}

for (const name of ["words", "floats", "bytes"]) {
  const { get } = Object.getOwnPropertyDescriptor(RegionMemory.prototype, name)!;
  Object.defineProperty(RegionMemory.prototype, name, {
    get(): View {
      const view = get!.call(this);
      return enabled ? watched(view) : view;
    },
  });
}

// deno-lint-ignore no-explicit-any -- each of the functions has its own parameters
type Access = (cells: any, ...args: any[]) => any;
const atomics = Atomics as unknown as Record<string, Access>;
for (const name of ["load", "store", "add"]) {
  const real = atomics[name]!;
  atomics[name] = (cells, ...args) => {
    const target = targets.get(cells);
    if (target === undefined) return real(cells, ...args);
    if (name === "load") return read(() => real(target, ...args));
    return store(() => real(target, ...args));
  };
}

/** Runs `act`, and dies after so many stores. @returns how many there were; and whether it died */
export function dieAfter(count: number, act: () => void): { stores: number; died: boolean } {
  enabled = true;
  left = count;
  stores = 0;
  try {
    act();
    return { stores, died: false };
  } catch (error) {
    if (error instanceof Death) return { stores, died: true };
    throw error;
  } finally {
    enabled = false;
    left = Infinity;
  }
}

/** Runs `look`, and `act` before its read number `count`. @returns what it gave; how often it read */
export function actAt<T>(
  count: number,
  look: () => T,
  act: () => void,
): { result: T; reads: number } {
  enabled = true;
  reads = 0;
  interruptAt = count;
  interrupt = act;
  try {
    return { result: look(), reads };
  } finally {
    enabled = false;
    interruptAt = Infinity;
  }
}
