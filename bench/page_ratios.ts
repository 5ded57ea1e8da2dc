/**
 * What pages cost: when reading a file beats mapping it, and what populating and huge pages change.
 *
 *     deno run -A bench/page_ratios.ts
 *
 * Both sides of a ratio are measured in turns; see region_ratios.ts.
 */

import { MmapRegion } from "@mmap/mmap";
import { type Medians, printComparison, printHead, type Side, timePerCall } from "./_ratio.ts";
import { KiB, makeFullFile, MiB, sum, withDirectory } from "./_work.ts";

const LARGE = 256 * MiB;
const PAGE = 4 * KiB;

/** Our time in theirs. */
function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

const RATIO = { figure: time, unit: " of its time" };

function side(name: string, work: () => unknown, times = 1): Side {
  return { name, measure: () => timePerCall(work, times) };
}

/** The whole of a cached file, once: the pages of a new mapping have to be faulted in. */
async function compareOnePass(dir: string): Promise<void> {
  const path = makeFullFile(dir, LARGE);
  const topic = "sum of a cached file of 256 MiB, opened for it";
  const mapped = (populate: boolean): number => {
    using region = MmapRegion.open(path, { populate });
    return sum(region.view(Float64Array));
  };
  const chunked = side("readSync into one buffer of 64 KiB", () => sumByChunks(path));
  const whole = side("readFileSync", () => sum(new Float64Array(Deno.readFileSync(path).buffer)));
  for (const theirs of [chunked, whole]) {
    for (const populate of [false, true]) {
      const ours = side(populate ? "mapped, populate" : "mapped", () => mapped(populate));
      await printComparison(topic, { ours, theirs, rounds: 15 }, RATIO);
    }
  }
}

function sumByChunks(path: string): number {
  using file = Deno.openSync(path);
  const numbers = new Float64Array(64 * KiB / 8);
  const bytes = new Uint8Array(numbers.buffer);
  let total = 0;
  for (let read = file.readSync(bytes); read !== null; read = file.readSync(bytes)) {
    total += sum(numbers.subarray(0, read / 8));
  }
  return total;
}

/** A small file, read once. */
async function compareSmallFiles(dir: string): Promise<void> {
  for (const byteLength of [PAGE, 64 * KiB, MiB]) {
    const path = makeFileOf(dir, byteLength);
    const mapped = (): number => {
      using region = MmapRegion.open(path);
      return sum(region.view(Float64Array));
    };
    await printComparison(`open a cached file of ${byteLength / KiB} KiB, sum it, close it`, {
      ours: side("mapped", mapped, 200),
      theirs: side(
        "readFileSync",
        () => sum(new Float64Array(Deno.readFileSync(path).buffer)),
        200,
      ),
      rounds: 31,
    }, RATIO);
  }
}

function makeFileOf(dir: string, byteLength: number): string {
  const path = `${dir}/small-${byteLength}.bin`;
  Deno.writeFileSync(path, new Uint8Array(byteLength));
  return path;
}

/** The first touch of each page of memory that nobody has used. */
async function compareFirstTouch(): Promise<void> {
  const byteLength = 64 * MiB;
  const pages = byteLength / PAGE;
  const touch = (options: { populate?: boolean; hugePages?: boolean }) => (): number => {
    using region = MmapRegion.anonymous(byteLength, { sharing: "private", ...options });
    const { bytes } = region;
    const start = performance.now();
    for (let at = 0; at < byteLength; at += PAGE) bytes[at] = 1;
    return (performance.now() - start) * 1e6 / pages;
  };
  const plain: Side = { name: "plain", measure: touch({}) };
  for (
    const [name, options] of [["populate", { populate: true }], ["hugePages", {
      hugePages: true,
    }]] as const
  ) {
    await printComparison("write to a 4 KiB page of private memory for the first time", {
      ours: { name, measure: touch(options) },
      theirs: plain,
      rounds: 31,
    }, RATIO);
  }
  await printComparison("open 64 MiB of private memory and write to each page", {
    ours: side("populate", touch({ populate: true })),
    theirs: side("plain", touch({})),
    rounds: 31,
  }, RATIO);
}

/** Random reads of a large memory: each goes through the processor's cache of addresses. */
async function compareHugePages(): Promise<void> {
  const byteLength = 1024 * MiB;
  const options = { sharing: "private", populate: true } as const;
  using huge = MmapRegion.anonymous(byteLength, { ...options, hugePages: true });
  using plain = MmapRegion.anonymous(byteLength, options);
  const reads = 1_000_000;
  const random = (region: MmapRegion): () => unknown => {
    const words = region.view(Int32Array).fill(1);
    return () => randomSum(words, reads);
  };
  const perRead = (name: string, work: () => unknown): Side => ({
    name,
    measure: () => timePerCall(work, 1) / reads,
  });
  await printComparison("read 4 bytes anywhere in 1 GiB of private memory", {
    ours: perRead("hugePages", random(huge)),
    theirs: perRead("plain", random(plain)),
    rounds: 31,
  }, RATIO);
}

function randomSum(words: Int32Array, reads: number): number {
  const mask = words.length - 1;
  let at = 1;
  let total = 0;
  for (let i = 0; i < reads; i++) {
    at = (Math.imul(at, 1664525) + 1013904223) | 0;
    total += words[(at >>> 4) & mask]!;
  }
  return total;
}

/** A new file of 64 MiB, written once from its beginning to its end. */
async function compareWriting(dir: string): Promise<void> {
  const byteLength = 64 * MiB;
  const chunk = new Uint8Array(64 * KiB).fill(1);
  const path = `${dir}/written.bin`;
  const mapped = (): void => {
    using region = MmapRegion.open(path, { access: "read-write", createNew: true, byteLength });
    for (let at = 0; at < byteLength; at += chunk.length) region.bytes.set(chunk, at);
  };
  const written = (): void => {
    using file = Deno.openSync(path, { write: true, createNew: true });
    for (let at = 0; at < byteLength; at += chunk.length) file.writeSync(chunk);
  };
  const once = (name: string, work: () => void): Side => ({
    name,
    measure: () => {
      const nanoseconds = timePerCall(work, 1);
      Deno.removeSync(path);
      return nanoseconds;
    },
  });
  await printComparison("write a new file of 64 MiB in chunks of 64 KiB", {
    ours: once("mapped", mapped),
    theirs: once("writeSync", written),
    rounds: 15,
  }, RATIO);
}

await withDirectory(async (dir) => {
  printHead();
  await compareOnePass(dir);
  await compareSmallFiles(dir);
  await compareFirstTouch();
  await compareHugePages();
  await compareWriting(dir);
});
