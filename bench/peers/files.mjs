/**
 * The work of peers_bench.ts in JavaScript, for Deno, Node and Bun. The argument is one of SIDES. Each
 * line of standard input is a work, a path, and how often; the answer is the nanoseconds that all of it
 * took, and a number that tells whether it was done, or "no" and why not.
 */
// deno-lint-ignore-file explicit-function-return-type -- JavaScript has no types
import process from "node:process";
import { createInterface } from "node:readline";
import { SIDES } from "./files_sides.mjs";

const RECORD = 4096;
const STEP = 65536;
const NEEDLE = "connection refused";

/** Places of units of so many bytes, the same in all languages. */
function places(times, length, unit) {
  let state = 1;
  return Uint32Array.from({ length: times }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * (length / unit));
  });
}

const open = await SIDES[process.argv[2]]();
const opened = new Map();

function kept(path, writable = false) {
  if (!opened.has(path)) opened.set(path, open(path, writable));
  return opened.get(path);
}

/** Each prepares, and gives the part that counts. */
const WORKS = {
  "open-close": (path, times) => () => {
    let check = 0;
    for (let i = 0; i < times; i++) {
      const file = open(path);
      check += file.first();
      file.close();
    }
    return check;
  },
  sum: (path, times) => () => {
    let total = 0;
    for (let i = 0; i < times; i++) {
      const file = open(path);
      total = file.sum();
      file.close();
    }
    return total;
  },
  "read-4k"(path, times) {
    const file = kept(path);
    const at = places(times, file.byteLength, RECORD);
    const record = new Float64Array(RECORD / 8);
    return () => file.readRecords(at, record);
  },
  "read-8"(path, times) {
    const file = kept(path);
    const at = places(times, file.byteLength, 8);
    return () => file.readNumbers(at);
  },
  search(path, times) {
    const file = kept(path);
    return () => {
      let found = 0;
      for (let i = 0; i < times; i++) found += file.search(NEEDLE);
      return found;
    };
  },
  "write-flush"(path, times) {
    const file = kept(path, true);
    const at = places(times, file.byteLength, RECORD);
    const record = new Uint8Array(RECORD);
    return () => {
      for (let i = 0; i < times; i++) file.writeAndFlush(at[i] * RECORD, record.fill(i));
      return times;
    };
  },
  grow: (path, times) => () => {
    const file = open(path, true);
    for (let i = 0; i < times; i++) file.grow(file.byteLength + STEP);
    file.close();
    return file.byteLength;
  },
};

function answer(work, path, times) {
  const refused = open.refuses?.[work];
  if (refused !== undefined) return `no ${refused}`;
  const run = WORKS[work](path, times);
  const start = process.hrtime.bigint();
  const check = run();
  return `${process.hrtime.bigint() - start} ${check}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [work, path, times] = line.split(" ");
  process.stdout.write(`${answer(work, path, Number(times))}\n`);
}
