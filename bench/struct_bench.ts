/**
 * What records cost, against typed arrays and DataViews written by hand:
 * `deno run -A bench/struct_bench.ts`.
 *
 * Everything is measured as in a larger program: other structs were in use before, and a buffer was
 * detached, which V8 remembers for the rest of the process.
 */

import { MmapRegion } from "@mmap/mmap";
import { chars, f64, i16, i32, i64, struct } from "@mmap/mmap/struct";
import { type Medians, printComparison, printHead, type Target } from "./_ratio.ts";

const RECORDS = 100_000;
const TIMES = 20;
const ROUNDS = 40;

const Person = struct({ name: chars(4), age: i32 });
const Misaligned = { byteOffset: 1, length: RECORDS };

/** Our time in theirs. */
const FIELD: Target = { figure: time, unit: "", atMost: 1.2 };
const NOT_SLOWER: Target = { figure: time, unit: "", atMost: 1.05 };
const NO_TARGET: Target = { figure: time, unit: "" };

useOtherStructs();
using region = MmapRegion.anonymous(RECORDS * Person.byteLength + 8, { populate: true });
const words = region.view(Int32Array);
const view = region.dataView();
const people = Person.array(region, { length: RECORDS });
const ages = people.column("age");
const misaligned = Person.array(region, Misaligned);
const fifth = people.at(5);
// What a function is given, and is not the same each time, V8 cannot take for a constant.
const bothPeople = [people, Person.array(new Uint8Array(8 * RECORDS))] as const;
const bothWords = [words, new Int32Array(2 * RECORDS)] as const;
let turn = 0;

printHead();
await compare("get and set a field of a record", updateRecord, updateWord, FIELD);
await compare("get and set a field of a record", updateRecord, updateViewed, NOT_SLOWER);
await compare("sum of a column", sumColumn, sumWords, FIELD);
await compare("get and set a column", updateColumn, updateWords, FIELD);
await compare("sum of at(i).age", sumRecords, sumWords, FIELD);
await compare("get and set at(i).age", updateRecords, updateWords, FIELD);
await compare("get and set at(i).age, misaligned", updateMisaligned, updateAllViewed, NO_TARGET);
await compare("sum of at(i).age, two arrays in turn", sumEither, sumEitherWords, NO_TARGET);
await compare("sum of for ... of", sumIterated, sumWords, NO_TARGET);

function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

/** Each side is the median of rounds; a round is the least of some runs, to keep out other programs. */
async function compare(
  topic: string,
  ours: () => unknown,
  theirs: () => unknown,
  target: Target,
): Promise<void> {
  const side = (name: string, work: () => unknown) => ({ name, measure: () => perRecord(work) });
  const sides = { ours: side("struct", ours), theirs: side(theirs.name, theirs), rounds: ROUNDS };
  await printComparison(topic, sides, target);
}

/** Nanoseconds. */
function perRecord(work: () => unknown): number {
  let least = Infinity;
  for (let i = 0; i < TIMES; i++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least * 1e6 / RECORDS;
}

/** Eight more layouts in use, and one whose memory went away. */
function useOtherStructs(): void {
  for (let n = 0; n < 8; n++) {
    const Other = struct({ [`a${n}`]: i32, b: i32, c: i16, d: f64, [`e${n}`]: i64 });
    const others = Other.array(new Uint8Array(1000 * Other.byteLength));
    for (let i = 0; i < 300_000; i++) {
      const other = others.at(i % 1000);
      other.b = other.b + 1;
      other.c = other.c + 1;
      other.d = other.d + 1;
    }
  }
  const gone = MmapRegion.anonymous(4096);
  const record = struct({ a: i32 }).at(gone);
  gone.close();
  try {
    record.a;
  } catch {
    return; // as it must
  }
  throw new Error("A record of a closed region was read");
}

function updateRecord(): void {
  for (let i = 0; i < RECORDS; i++) fifth.age = fifth.age + 1;
}

function updateWord(): void {
  for (let i = 0; i < RECORDS; i++) words[11] = words[11]! + 1;
}

function updateViewed(): void {
  for (let i = 0; i < RECORDS; i++) view.setInt32(44, view.getInt32(44, true) + 1, true);
}

function sumColumn(): number {
  let sum = 0;
  for (let i = 0; i < ages.length; i++) sum += ages.at(i);
  return sum;
}

function sumWords(): number {
  let sum = 0;
  for (let i = 0; i < RECORDS; i++) sum += words[2 * i + 1]!;
  return sum;
}

function updateColumn(): void {
  for (let i = 0; i < ages.length; i++) ages.set(i, ages.at(i) + 1);
}

function updateWords(): void {
  for (let i = 0; i < RECORDS; i++) words[2 * i + 1] = words[2 * i + 1]! + 1;
}

function sumRecords(): number {
  let sum = 0;
  for (let i = 0; i < people.length; i++) sum += people.at(i).age;
  return sum;
}

function sumEither(): number {
  return sumOf(bothPeople[turn++ & 1]!);
}

function sumOf(records: typeof people): number {
  let sum = 0;
  for (let i = 0; i < records.length; i++) sum += records.at(i).age;
  return sum;
}

function sumEitherWords(): number {
  return sumOfWords(bothWords[turn++ & 1]!);
}

function sumOfWords(elements: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < RECORDS; i++) sum += elements[2 * i + 1]!;
  return sum;
}

function updateRecords(): void {
  for (let i = 0; i < people.length; i++) {
    const person = people.at(i);
    person.age = person.age + 1;
  }
}

function updateMisaligned(): void {
  for (let i = 0; i < misaligned.length; i++) {
    const person = misaligned.at(i);
    person.age = person.age + 1;
  }
}

function updateAllViewed(): void {
  for (let i = 0; i < RECORDS; i++) {
    view.setInt32(8 * i + 5, view.getInt32(8 * i + 5, true) + 1, true);
  }
}

function sumIterated(): number {
  let sum = 0;
  for (const person of people) sum += person.age;
  return sum;
}
