/**
 * What a region costs, as ratios within one run: `deno task bench`. Needs gcc.
 *
 * Absolute times differ from machine to machine and from minute to minute; both sides of a ratio
 * are measured in turns, so that whatever slows one down slows the other one down too.
 */

import { MmapRegion } from "@mmap/mmap";
import { compilePeer, output } from "./_programs.ts";
import { type Medians, printComparison, printHead, type Side, timePerCall } from "./_ratio.ts";
import {
  copyByView,
  eachLine,
  eachLines,
  firstNumber,
  firstNumbers,
  GiB,
  KiB,
  makeFullFile,
  makeSparseFile,
  MiB,
  openAndClosePrivate,
  readByFile,
  shuffledRecords,
  sum,
  TiB,
  timeOpening,
  withDirectory,
} from "./_work.ts";

await withDirectory(async (dir) => {
  printHead();
  await compareSums(dir);
  await comparePairs(dir);
  await compareReads(dir);
  await compareSizes(dir);
  await compareImport(dir);
});

/** Our speed in theirs. */
function speed({ ours, theirs }: Medians): number {
  return theirs / ours;
}

/** Our time in theirs. */
function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

/** A typed array over a mapping against one on the heap. */
async function compareSums(dir: string): Promise<void> {
  const heap = new Float64Array(64 * MiB / 8).fill(1);
  const path = makeFullFile(dir, 64 * MiB);
  using file = MmapRegion.open(path, { access: "read-write", populate: true });
  using shared = MmapRegion.anonymous(64 * MiB, { populate: true });
  using private_ = MmapRegion.anonymous(64 * MiB, { sharing: "private", populate: true });
  const regions = { "file": file, "shared anonymous": shared, "private anonymous": private_ };
  for (const [name, region] of Object.entries(regions)) {
    const mapped = region.view(Float64Array).fill(1);
    await printComparison("sum of a Float64Array of 64 MiB", {
      ours: { name: `${name} mapping`, measure: () => timePerCall(() => sum(mapped), 1) },
      theirs: { name: "heap", measure: () => timePerCall(() => sum(heap), 1) },
      rounds: 61,
    }, { figure: speed, unit: " of its speed", atLeast: 0.95 });
  }
}

/** Opening and closing private anonymous memory against C's mmap and munmap. */
async function comparePairs(dir: string): Promise<void> {
  const byteLength = 64 * KiB;
  const times = 20_000;
  const program = await compilePeer("map_pairs", dir);
  await printComparison("open and close 64 KiB, private anonymous", {
    ours: {
      name: "MmapRegion",
      measure: () => timePerCall(() => openAndClosePrivate(byteLength), times),
    },
    theirs: {
      name: "mmap and munmap in C",
      measure: async () => Number(await output(program, [`${byteLength}`, `${times}`])),
    },
    rounds: 31,
  }, { figure: time, unit: " of its time", atMost: 1.5 });
}

/**
 * Random records of a cached file: through a view against the calls of `Deno.FsFile`. A view has no
 * call to make, and fetches from memory only what is used: the first row is about that, and counts.
 * Where all 4 KiB are used, both sides wait for the memory most of the time.
 */
async function compareReads(dir: string): Promise<void> {
  const path = makeFullFile(dir, GiB);
  using file = Deno.openSync(path);
  using region = MmapRegion.open(path, { populate: true });
  const numbers = region.view(Float64Array);
  const records = shuffledRecords(10_000, GiB);
  const compare = (use: string, view: () => unknown, calls: () => unknown, limit = {}) =>
    printComparison(`4 KiB records at random in a cached file of 1 GiB, ${use}`, {
      ours: perRecord("view", view, records.length),
      theirs: perRecord("seekSync and readSync", calls, records.length),
      rounds: 31,
    }, { figure: speed, unit: " times as fast", ...limit });
  await compare(
    "one number of each used",
    () => firstNumbers(numbers, records),
    () => readByFile(file, records, firstNumber),
    { atLeast: 10 },
  );
  await compare(
    "one number of each cache line used",
    () => eachLines(numbers, records),
    () => readByFile(file, records, eachLine),
  );
  await compare(
    "each copied into a buffer",
    () => copyByView(region.bytes, records),
    () => readByFile(file, records, () => 0),
  );
  await Deno.remove(path);
}

function perRecord(name: string, work: () => unknown, count: number): Side {
  return { name, measure: () => timePerCall(work, 1) / count };
}

/** Opening a huge region against a small one. */
async function compareSizes(dir: string): Promise<void> {
  const [huge, small] = [makeSparseFile(dir, TiB), makeSparseFile(dir, 4 * KiB)];
  const forms: Record<string, [huge: () => MmapRegion, small: () => MmapRegion]> = {
    "a file": [() => MmapRegion.open(huge), () => MmapRegion.open(small)],
    "private anonymous memory": [() => openUnreserved(TiB), () => openUnreserved(4 * KiB)],
  };
  for (const [name, [openHuge, openSmall]] of Object.entries(forms)) {
    await printComparison(`open ${name}`, {
      ours: { name: "1 TiB", measure: () => timeOpening(openHuge, 1_000) },
      theirs: { name: "4 KiB", measure: () => timeOpening(openSmall, 1_000) },
      rounds: 31,
    }, { figure: time, unit: " of its time", atMost: 1.5 });
  }
}

function openUnreserved(byteLength: number): MmapRegion {
  return MmapRegion.anonymous(byteLength, { sharing: "private", reserve: false });
}

/** What an import that is not used adds to an empty program. */
async function compareImport(dir: string): Promise<void> {
  const module = new URL("../mod.ts", import.meta.url);
  await Deno.writeTextFile(`${dir}/import.ts`, `import "${module}";\n`);
  await Deno.writeTextFile(`${dir}/empty.ts`, "");
  const run = (name: string, script: string): Side => ({
    name,
    measure: async () => {
      const start = performance.now();
      await output(Deno.execPath(), ["run", "--no-check", "--no-config", `${dir}/${script}`]);
      return (performance.now() - start) * 1e6;
    },
  });
  await printComparison("deno run, the whole process", {
    ours: run("import of mod.ts", "import.ts"),
    theirs: run("empty script", "empty.ts"),
    rounds: 41,
  }, { figure: ({ ours, theirs }) => (ours - theirs) / 1e6, unit: " ms more", atMost: 20 });
}
