/**
 * What searching and reading lines costs, as ratios within one run: `deno run -A
 * bench/search_bench.ts [directory]`. Needs gcc, python3, and 1.3 GB in the directory (/dev/shm by
 * default) and twice as much memory. Bun takes part if `bun` is on the path or named by BUN, and
 * Rust if cargo is there, with librust-memmap2-dev and librust-memchr-dev of Debian.
 *
 * The file is in the page cache, and all sides have read it before.
 */

import { MmapRegion } from "@mmap/mmap";
import { Asked } from "./_asked.ts";
import { buildRust, bun } from "./_peer_files.ts";
import { compilePeer, peerPath } from "./_programs.ts";
import { type Medians, printComparison, printHead, type Side, timePerCall } from "./_ratio.ts";
import { makeLog } from "./_log.ts";
import { GiB, MiB } from "./_work.ts";

/** Absent: with a rare byte, with frequent ones, short, of one byte, and with a period. */
const NEEDLES = [
  "this text is not in the file",
  "ERROR [worker-77]",
  "connection refused",
  "request completed in time x",
  "00000000000",
  "zq",
  "e  e",
  "    ",
  "2024-06",
  "\n\n",
  "completed request completed request completed request done",
  "aaaa",
];

const speed = ({ ours, theirs }: Medians): number => theirs / ours;
const TIMES = " times as fast";

const dir = await Deno.makeTempDir({ dir: Deno.args[0] ?? "/dev/shm", prefix: "mmap_bench_" });
try {
  printHead();
  await compareSearches(makeLog(`${dir}/short-log`, 64 * MiB));
  const path = makeLog(`${dir}/log`, GiB);
  await compareCounts(path);
  await compareFirstLines(path);
  await Deno.remove(path);
  await compareAllLines(makeLog(`${dir}/log`, 256 * MiB));
  await compareSmall();
} finally {
  await Deno.remove(dir, { recursive: true });
}

/** Needles that are absent from 64 MiB, against whoever is there. */
async function compareSearches(path: string): Promise<void> {
  using region = MmapRegion.open(path, { populate: true });
  const search = (needle: string): Side => ({
    name: "indexOf",
    measure: () =>
      timePerCall(() => {
        if (region.indexOf(needle) !== -1) throw new Error(`${needle} is there`);
      }, 1),
  });
  for (const { atLeast, start } of await rivals(path)) {
    await using rival = start();
    for (const needle of NEEDLES) {
      await printComparison(`${JSON.stringify(needle)}, absent from 64 MiB of log`, {
        ours: search(needle),
        theirs: {
          name: rival.name,
          measure: () => rival.ask(new TextEncoder().encode(needle).toHex()),
        },
        rounds: 15,
      }, { figure: speed, unit: TIMES, atLeast });
    }
  }
}

/** Another program that searches, or reads, and how many times as fast we should be. */
interface Rival {
  readonly atLeast: number;
  readonly start: () => Asked;
}

async function rivals(path: string): Promise<Rival[]> {
  const program = await compilePeer("search", dir);
  const ask = (name: string, command: string, args: string[], atLeast = 1): Rival => ({
    atLeast,
    start: () => new Asked(name, command, args),
  });
  const all = [
    ask("reading all bytes in C", program, [path, "read"], 0.7),
    ask("memmem in C", program, [path]),
    ask("Python's mmap.find", "python3", [peerPath("search.py"), path]),
  ];
  if (isThere(bun())) all.push(ask("Bun's Buffer", bun(), [peerPath("search.mjs"), path]));
  else console.error("Bun is not there.");
  try {
    all.push(ask("Rust's memchr", await buildRust(dir, "search"), [path]));
  } catch (error) {
    console.error("Rust or its crates are not there:", error);
  }
  return all;
}

function isThere(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Counting against the loop that a program would write. */
async function compareCounts(path: string): Promise<void> {
  using region = MmapRegion.open(path, { populate: true });
  const { bytes } = region;
  const byLoop = (): number => {
    let count = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
    return count;
  };
  await printComparison("newlines of 1 GiB", {
    ours: { name: "count", measure: () => timePerCall(() => region.count("\n"), 1) },
    theirs: { name: "Uint8Array.indexOf", measure: () => timePerCall(byLoop, 1) },
    rounds: 5,
  }, { figure: speed, unit: TIMES, atLeast: 1 });
}

/** The first line of 1 GiB, from opening on. A string cannot hold so much: bytes are read there. */
async function compareFirstLines(path: string): Promise<void> {
  const ours = (): void => {
    using region = MmapRegion.open(path);
    region.lines().next();
  };
  const theirs = (): void => {
    const bytes = Deno.readFileSync(path);
    new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(10)));
  };
  await printComparison("the first line of 1 GiB", {
    ours: { name: "open, lines", measure: () => timePerCall(ours, 1) },
    theirs: { name: "readFileSync", measure: () => timePerCall(theirs, 1) },
    rounds: 5,
  }, { figure: speed, unit: TIMES, atLeast: 3 });
}

/** All lines of 256 MiB, which is as much as a string of bytes that are not all ASCII may hold. */
async function compareAllLines(path: string): Promise<void> {
  const lengthOf = (lines: Iterable<string>): number => {
    let length = 0;
    for (const line of lines) length += line.length;
    return length;
  };
  const theirs = (): number => lengthOf(Deno.readTextFileSync(path).split("\n"));
  for (const reverse of [false, true]) {
    const ours = (): void => {
      using region = MmapRegion.open(path);
      lengthOf(region.lines({ reverse }));
    };
    await printComparison(`all lines of 256 MiB${reverse ? ", the last one first" : ""}`, {
      ours: { name: "open, lines", measure: () => timePerCall(ours, 1) },
      theirs: { name: "readTextFileSync and split", measure: () => timePerCall(theirs, 1) },
      rounds: 5,
    }, { figure: speed, unit: TIMES, atLeast: 1 });
  }
}

/** A call on a region of 100 bytes against Deno's own calls on a Uint8Array. */
async function compareSmall(): Promise<void> {
  using region = MmapRegion.anonymous(100, { sharing: "private" });
  const { Buffer } = await import("node:buffer");
  const buffer = Buffer.from(region.buffer, 0, 100);
  const times = 200_000;
  await printComparison("text that is absent from 100 bytes", {
    ours: { name: "indexOf", measure: () => timePerCall(() => region.indexOf("absent"), times) },
    theirs: {
      name: "Buffer.indexOf of node:buffer",
      measure: () => timePerCall(() => buffer.indexOf("absent"), times),
    },
    rounds: 15,
  }, { figure: speed, unit: TIMES });
}
