/** The topics of region_ratios.ts in absolute times: `deno bench -A bench/region_bench.ts`. */

import { MmapRegion } from "@mmap/mmap";
import {
  copyByView,
  eachLine,
  eachLines,
  firstNumber,
  firstNumbers,
  KiB,
  makeFullFile,
  makeSparseFile,
  MiB,
  openAndClosePrivate,
  readByFile,
  shuffledRecords,
  sum,
  TiB,
} from "./_work.ts";

const dir = await Deno.makeTempDir({ prefix: "mmap_bench_" });
addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));

const fullPath = makeFullFile(dir, 256 * MiB);
const hugePath = makeSparseFile(dir, TiB);
const smallPath = makeSparseFile(dir, 4 * KiB);

const full = Deno.openSync(fullPath);
const region = MmapRegion.open(fullPath, { populate: true });
const numbers = region.view(Float64Array);
const records = shuffledRecords(1_000, 256 * MiB);

const heap = new Float64Array(64 * MiB / 8).fill(1);
const mapped = numbers.subarray(0, heap.length);

const SUM = "sum of a Float64Array of 64 MiB";
Deno.bench({ name: "heap", group: SUM, baseline: true, fn: () => void sum(heap) });
Deno.bench({ name: "file mapping", group: SUM, fn: () => void sum(mapped) });

const OPEN = "open and close";
Deno.bench({
  name: "64 KiB, private anonymous",
  group: OPEN,
  baseline: true,
  fn: () => openAndClosePrivate(64 * KiB),
});
Deno.bench({
  name: "64 KiB, shared anonymous",
  group: OPEN,
  fn: () => MmapRegion.anonymous(64 * KiB).close(),
});
Deno.bench({ name: "4 KiB file", group: OPEN, fn: () => MmapRegion.open(smallPath).close() });
Deno.bench({ name: "1 TiB file", group: OPEN, fn: () => MmapRegion.open(hugePath).close() });

const READ = "1000 records of 4 KiB at random";
Deno.bench({
  name: "seekSync and readSync, one number of each",
  group: READ,
  baseline: true,
  fn: () => void readByFile(full, records, firstNumber),
});
Deno.bench({
  name: "seekSync and readSync, each cache line",
  group: READ,
  fn: () => void readByFile(full, records, eachLine),
});
Deno.bench({
  name: "view, one number of each",
  group: READ,
  fn: () => void firstNumbers(numbers, records),
});
Deno.bench({
  name: "view, each cache line",
  group: READ,
  fn: () => void eachLines(numbers, records),
});
Deno.bench({
  name: "view, copied into a buffer",
  group: READ,
  fn: () => copyByView(region.bytes, records),
});
