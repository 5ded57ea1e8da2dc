/**
 * What records cost, against typed arrays and DataViews written by hand, which do the same work on
 * the same memory: `deno run -A bench/struct_bench.ts`.
 *
 * Everything is measured as in a larger program: other structs were in use before, and a buffer was
 * detached, which V8 remembers for the rest of the process.
 */

import { MmapRegion } from "@mmap/mmap";
import { f64, i16, i32, i64, struct, u8 } from "@mmap/mmap/struct";
import { type Medians, printComparison, printHead, type Target } from "./_ratio.ts";

const RECORDS = 1_000;
const PASSES = 100;
const TIMES = 15;
const ROUNDS = 25;
/** Runs of both sides before any is measured: the compiler works beside the program. */
const WARM_UP = 20_000;

const Sample = struct({ word: i32, byte: u8, double: f64, big: i64, tail: i32 });

/** Our time in theirs. */
const FIELD: Target = { figure: time, unit: "", atMost: 1.2 };
const NOT_SLOWER: Target = { figure: time, unit: "", atMost: 1.05 };
const NO_TARGET: Target = { figure: time, unit: "" };

useOtherStructs();
using region = MmapRegion.anonymous(RECORDS * Sample.byteLength + 8, { populate: true });
const samples = Sample.array(region, { length: RECORDS });
const misaligned = Sample.array(region, { byteOffset: 1, length: RECORDS });
const fifth = samples.at(5);
const counter = fifth.atomic("word");
const words = region.view(Int32Array);
const bytes = region.bytes;
const doubles = region.view(Float64Array);
const bigs = region.view(BigInt64Array);
const view = region.dataView();
const wordColumn = samples.column("word");
const doubleColumn = samples.column("double");
// What a function is given, and is not the same each time, V8 cannot take for a constant.
const heap = new ArrayBuffer(RECORDS * Sample.byteLength);
const eitherSamples = [samples, Sample.array(heap)] as const;
const eitherWords = [words, new Int32Array(heap)] as const;
const eitherView = [view, new DataView(heap)] as const;
let turn = 0;

printHead();
await compare("get a field of a record", getField, { getWord }, { getViewed });
await compare("set a field of a record", setField, { setWord }, { setViewed });
await compare("get and set a field of a record", updateField, { updateWord }, { updateViewed });
await compare("sum of at(i).word", sumRecords, { sumWords }, { sumViewed });
await compare("set at(i).word", fillRecords, { fillWords }, { fillViewed });
await compare("get and set at(i).word", updateRecords, { updateWords }, { updateAllViewed });
await compare("sum of at(i).byte", sumBytes, { sumPlainBytes }, { sumViewedBytes });
await compare("get and set at(i).double", updateDoubles, { scaleDoubles }, { scaleViewed });
await compare("get and set at(i).big", updateBigs, { addBigs }, { addViewedBigs });
await compare("sum of a column", sumColumn, { sumDoubles }, { sumViewedDoubles });
await compare("get and set a column", updateColumn, { updateWords }, { updateAllViewed });
await compare("for … of", sumIterated, { sumWords }, { sumViewed }, NO_TARGET);
const either = "sum of at(i).word, two arrays in turn";
await compare(either, sumEither, { sumEitherWords }, { sumEitherViewed });
const constant = "set at(i).word, a constant number of times";
await compare(constant, fillThousand, { fillThousandWords }, {}, NO_TARGET);
await compare("set at(i).word, misaligned", fillMisaligned, {}, { fillViewedMisaligned });
await compare("get() of a record", copyRecords, { copyByHand }, {}, NO_TARGET);
await compare("set() of a record", setRecords, { setByHand }, {}, NO_TARGET);
await compare("atomic add", addAtomically, { addByAtomics }, {});

function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

/** Each side is the median of rounds; a round is the least of some runs, to keep out other programs. */
async function compare(
  topic: string,
  ours: () => unknown,
  typedArray: Record<string, () => unknown>,
  dataView: Record<string, () => unknown>,
  target: Target = FIELD,
): Promise<void> {
  const side = (name: string, work: () => unknown) => ({ name, measure: () => perRecord(work) });
  for (const [kind, works] of Object.entries({ "typed array": typedArray, DataView: dataView })) {
    for (const work of Object.values(works)) {
      for (let i = 0; i < WARM_UP; i++) void [ours(), work()];
      const sides = { ours: side("struct", ours), theirs: side(kind, work), rounds: ROUNDS };
      const limit = kind === "DataView" && target === FIELD ? NOT_SLOWER : target;
      await printComparison(topic, sides, limit);
    }
  }
}

/** Nanoseconds. */
function perRecord(work: () => unknown): number {
  let least = Infinity;
  for (let i = 0; i < TIMES; i++) {
    const start = performance.now();
    for (let pass = 0; pass < PASSES; pass++) work();
    least = Math.min(least, performance.now() - start);
  }
  return least * 1e6 / (RECORDS * PASSES);
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

function getField(): number {
  let sum = 0;
  for (let i = 0; i < RECORDS; i++) sum += fifth.word;
  return sum;
}

function getWord(): number {
  let sum = 0;
  for (let i = 0; i < RECORDS; i++) sum += words[40]!;
  return sum;
}

function getViewed(): number {
  let sum = 0;
  for (let i = 0; i < RECORDS; i++) sum += view.getInt32(160, true);
  return sum;
}

function setField(): void {
  for (let i = 0; i < RECORDS; i++) fifth.word = i;
}

function setWord(): void {
  for (let i = 0; i < RECORDS; i++) words[40] = i;
}

function setViewed(): void {
  for (let i = 0; i < RECORDS; i++) view.setInt32(160, i, true);
}

function updateField(): void {
  for (let i = 0; i < RECORDS; i++) fifth.word = fifth.word + 1;
}

function updateWord(): void {
  for (let i = 0; i < RECORDS; i++) words[40] = words[40]! + 1;
}

function updateViewed(): void {
  for (let i = 0; i < RECORDS; i++) view.setInt32(160, view.getInt32(160, true) + 1, true);
}

function sumRecords(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples.at(i).word;
  return sum;
}

function sumWords(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += words[8 * i]!;
  return sum;
}

function sumViewed(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += view.getInt32(32 * i, true);
  return sum;
}

function fillRecords(): void {
  for (let i = 0; i < samples.length; i++) samples.at(i).word = i;
}

function fillWords(): void {
  for (let i = 0; i < samples.length; i++) words[8 * i] = i;
}

function fillViewed(): void {
  for (let i = 0; i < samples.length; i++) view.setInt32(32 * i, i, true);
}

function updateRecords(): void {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples.at(i);
    sample.word = sample.word + 1;
  }
}

function updateWords(): void {
  for (let i = 0; i < samples.length; i++) words[8 * i] = words[8 * i]! + 1;
}

function updateAllViewed(): void {
  for (let i = 0; i < samples.length; i++) {
    view.setInt32(32 * i, view.getInt32(32 * i, true) + 1, true);
  }
}

function sumBytes(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples.at(i).byte;
  return sum;
}

function sumPlainBytes(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += bytes[32 * i + 4]!;
  return sum;
}

function sumViewedBytes(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += view.getUint8(32 * i + 4);
  return sum;
}

function updateDoubles(): void {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples.at(i);
    sample.double = sample.double * 0.5 + 1;
  }
}

function scaleDoubles(): void {
  for (let i = 0; i < samples.length; i++) doubles[4 * i + 1] = doubles[4 * i + 1]! * 0.5 + 1;
}

function scaleViewed(): void {
  for (let i = 0; i < samples.length; i++) {
    view.setFloat64(32 * i + 8, view.getFloat64(32 * i + 8, true) * 0.5 + 1, true);
  }
}

function updateBigs(): void {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples.at(i);
    sample.big = sample.big + 1n;
  }
}

function addBigs(): void {
  for (let i = 0; i < samples.length; i++) bigs[4 * i + 2] = bigs[4 * i + 2]! + 1n;
}

function addViewedBigs(): void {
  for (let i = 0; i < samples.length; i++) {
    view.setBigInt64(32 * i + 16, view.getBigInt64(32 * i + 16, true) + 1n, true);
  }
}

function sumColumn(): number {
  let sum = 0;
  for (let i = 0; i < doubleColumn.length; i++) sum += doubleColumn.at(i);
  return sum;
}

function sumDoubles(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += doubles[4 * i + 1]!;
  return sum;
}

function sumViewedDoubles(): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += view.getFloat64(32 * i + 8, true);
  return sum;
}

function updateColumn(): void {
  for (let i = 0; i < wordColumn.length; i++) wordColumn.set(i, wordColumn.at(i) + 1);
}

function sumIterated(): number {
  let sum = 0;
  for (const sample of samples) sum += sample.word;
  return sum;
}

function sumEither(): number {
  turn = 1 - turn;
  return sumGiven(eitherSamples[turn]!);
}

function sumGiven(given: typeof samples): number {
  let sum = 0;
  for (let i = 0; i < given.length; i++) sum += given.at(i).word;
  return sum;
}

function sumEitherWords(): number {
  turn = 1 - turn;
  return sumGivenWords(eitherWords[turn]!, samples.length);
}

function sumGivenWords(given: Int32Array, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += given[8 * i]!;
  return sum;
}

function sumEitherViewed(): number {
  turn = 1 - turn;
  return sumGivenView(eitherView[turn]!, samples.length);
}

function sumGivenView(given: DataView, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += given.getInt32(32 * i, true);
  return sum;
}

function fillThousand(): void {
  for (let i = 0; i < RECORDS; i++) samples.at(i).word = i;
}

function fillThousandWords(): void {
  for (let i = 0; i < RECORDS; i++) words[8 * i] = i;
}

function fillMisaligned(): void {
  for (let i = 0; i < misaligned.length; i++) misaligned.at(i).word = i;
}

function fillViewedMisaligned(): void {
  for (let i = 0; i < misaligned.length; i++) view.setInt32(32 * i + 1, i, true);
}

function copyRecords(): unknown {
  let last: unknown;
  for (let i = 0; i < samples.length; i++) last = samples.at(i).get();
  return last;
}

function copyByHand(): unknown {
  let last: unknown;
  for (let i = 0; i < samples.length; i++) {
    last = {
      word: words[8 * i]!,
      byte: bytes[32 * i + 4]!,
      double: doubles[4 * i + 1]!,
      big: bigs[4 * i + 2]!,
      tail: words[8 * i + 6]!,
    };
  }
  return last;
}

function setRecords(): void {
  const values = { word: 1, byte: 2, double: 3, big: 4n, tail: 5 };
  for (let i = 0; i < samples.length; i++) samples.at(i).set(values);
}

function setByHand(): void {
  const values = { word: 1, byte: 2, double: 3, big: 4n, tail: 5 };
  for (let i = 0; i < samples.length; i++) {
    words[8 * i] = values.word;
    bytes[32 * i + 4] = values.byte;
    doubles[4 * i + 1] = values.double;
    bigs[4 * i + 2] = values.big;
    words[8 * i + 6] = values.tail;
  }
}

function addAtomically(): void {
  for (let i = 0; i < RECORDS; i++) counter.add(1);
}

function addByAtomics(): void {
  for (let i = 0; i < RECORDS; i++) Atomics.add(words, 40, 1);
}
