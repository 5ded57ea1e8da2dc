/**
 * A map that processes share, for peers_bench.ts: 100,000 keys with 100 bytes each. The arguments are one
 * of SIDES and a directory of its own, or the socket of a server. Each line of standard input is "get" or
 * "set" and how often; the answer is the nanoseconds that all of it took, and a number that tells whether
 * it was done.
 */
// deno-lint-ignore-file explicit-function-return-type -- JavaScript has no types
import process from "node:process";
import { createInterface } from "node:readline";
import { SIDES } from "./maps_sides.mjs";

const KEYS = 100_000;
const VALUE = 100;

const keys = Array.from({ length: KEYS }, (_, i) => `session:${String(i).padStart(8, "0")}`);
const values = Array.from({ length: 256 }, (_, i) => new Uint8Array(VALUE).fill(i));

const [, , name, place] = process.argv;
const side = await SIDES[name](place, { entries: KEYS, valueByteLength: VALUE });
for (let i = 0; i < KEYS; i++) await side.set(keys[i], values[i % 256]);

let state = 1;
/** Places of keys, the same for all sides. */
function next() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 2 ** 32 * KEYS);
}

/** Each does one step; those of a server are awaited, and no others. */
const WORKS = {
  get: (at) => {
    const value = side.get(keys[at]);
    return value instanceof Promise ? value.then((value) => value[5]) : value[5];
  },
  set: (at) => {
    const done = side.set(keys[at], values[at % 256]);
    return done instanceof Promise ? done.then(() => at % 256) : at % 256;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [work, times] = line.split(" ");
  state = 1;
  const places = Uint32Array.from({ length: Number(times) }, next);
  const step = WORKS[work];
  let check = 0;
  const start = performance.now();
  if (side.awaited) { for (const at of places) check += await step(at); }
  else for (const at of places) check += step(at);
  process.stdout.write(`${Math.round((performance.now() - start) * 1e6)} ${check}\n`);
}
side.close();
