/** What collections cost, as ratios within one run: `deno run -A bench/collections_bench.ts`. */

import { MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
import { f64 } from "@mmap/mmap/struct";
import { KEY_BYTE_LENGTH, keyOf, shuffledKeys, VALUE_BYTE_LENGTH, valueOf } from "./_map_work.ts";
import { peerPath } from "./_programs.ts";
import { type Medians, printComparison, printHead, type Side } from "./_ratio.ts";
import { withDirectory } from "./_work.ts";

const RECORD = new Uint8Array(100).fill(7);
const RECORDS = 100_000;

/** Their time in ours. */
function speed({ ours, theirs }: Medians): number {
  return theirs / ours;
}

/** Our time in theirs. */
function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

/** The nanoseconds of one of `times` steps. */
function perStep(name: string, times: number, work: () => void): Side {
  return {
    name,
    measure: () => {
      const start = performance.now();
      work();
      return (performance.now() - start) * 1e6 / times;
    },
  };
}

let sum = 0;

await withDirectory(async (dir) => {
  printHead();
  await compareAppends(dir, "a file");
  await withDirectory((memory) => compareAppends(memory, "tmpfs"), "/dev/shm");
  await compareReads(dir);
  for (const size of [1_000, 10_000, 100_000, 1_000_000]) await compareMaps(size);
  await comparePipe();
  await compareArrays(dir);
});

/** Each round begins a new file, so that both sides pay for its pages. */
async function compareAppends(dir: string, where: string): Promise<void> {
  let rounds = 0;
  await printComparison(`append a record of 100 bytes to ${where}`, {
    ours: {
      name: "AppendLog.append",
      measure: () => {
        const path = `${dir}/log-${rounds++}`;
        using log = AppendLog.open(path, { create: true });
        const start = performance.now();
        for (let i = 0; i < RECORDS; i++) log.append(RECORD);
        const taken = performance.now() - start;
        Deno.removeSync(path);
        return taken * 1e6 / RECORDS;
      },
    },
    theirs: {
      name: "FsFile.writeSync",
      measure: () => {
        const path = `${dir}/file-${rounds}`;
        using file = Deno.openSync(path, { createNew: true, append: true });
        const start = performance.now();
        for (let i = 0; i < RECORDS; i++) file.writeSync(RECORD);
        const taken = performance.now() - start;
        Deno.removeSync(path);
        return taken * 1e6 / RECORDS;
      },
    },
    rounds: 15,
  }, { figure: speed, unit: " times as fast", atLeast: 10 });
}

async function compareReads(dir: string): Promise<void> {
  using log = AppendLog.open(`${dir}/read.log`, { create: true, pooled: true });
  for (let i = 0; i < RECORDS; i++) log.append(RECORD);
  using file = Deno.openSync(`${dir}/read.log`);
  const target = new Uint8Array(RECORD.length);
  await printComparison("read a record of 100 bytes at its position", {
    ours: perStep("AppendLog.read, pooled", RECORDS, () => {
      for (let i = 0; i < RECORDS; i++) sum += log.read(i * 112)[5]!;
    }),
    theirs: perStep("seekSync and readSync", RECORDS, () => {
      for (let i = 0; i < RECORDS; i++) {
        file.seekSync(4104 + i * 112, Deno.SeekMode.Start);
        file.readSync(target);
        sum += target[5]!;
      }
    }),
    rounds: 15,
  }, { figure: speed, unit: " times as fast" });
}

/** A map of so many keys, full, in memory that processes could share. */
function makeMap(size: number): { map: SharedMap; region: MmapRegion } {
  const region = MmapRegion.anonymous(4096 + size * 150 + (1 << 16));
  const map = SharedMap.open(region, {
    capacity: size,
    maxKeyByteLength: KEY_BYTE_LENGTH,
    valueByteLength: VALUE_BYTE_LENGTH,
    pooled: true,
  });
  for (let i = 0; i < size; i++) map.set(keyOf(i), valueOf(i));
  return { map, region };
}

async function compareMaps(size: number): Promise<void> {
  const { map, region } = makeMap(size);
  using _map = map;
  using _region = region;
  const heap = new Map(Array.from({ length: size }, (_, i) => [keyOf(i), valueOf(i)]));
  const keys = shuffledKeys(size);
  const times = 100_000;
  let next = 0;
  const each = (name: string, look: (key: string) => void): Side =>
    perStep(name, times, () => {
      for (let i = 0; i < times; i++) look(keys[next = (next + 1) % size]!);
    });
  await printComparison(`read a value, of ${size} keys`, {
    ours: each("SharedMap.get, pooled", (key) => sum += map.get(key)![0]!),
    theirs: each("Map.get", (key) => sum += heap.get(key)![0]!),
    rounds: 41,
  }, { figure: time, unit: " of its time", atMost: 5 });
}

async function comparePipe(): Promise<void> {
  const size = 10_000;
  const { map, region } = makeMap(size);
  using _map = map;
  using _region = region;
  await using server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", peerPath("map_server.ts"), `${size}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = server.stdin.getWriter();
  const reader = server.stdout.getReader();
  const keys = shuffledKeys(size);
  const encoder = new TextEncoder();
  await printComparison("read a value that another process holds", {
    ours: perStep("SharedMap.get, pooled", size, () => {
      for (const key of keys) sum += map.get(key)![0]!;
    }),
    theirs: {
      name: "ask it over its pipes",
      measure: async () => {
        const start = performance.now();
        for (let i = 0; i < 1000; i++) {
          await writer.write(encoder.encode(keys[i]));
          for (let left = VALUE_BYTE_LENGTH; left > 0;) left -= (await reader.read()).value!.length;
        }
        return (performance.now() - start) * 1e3;
      },
    },
    rounds: 15,
  }, { figure: speed, unit: " times as fast", atLeast: 50 });
  await writer.close();
  reader.releaseLock();
}

async function compareArrays(dir: string): Promise<void> {
  using array = SharedArray.open(`${dir}/array`, f64, { create: true });
  const heap: number[] = [];
  for (let i = 0; i < RECORDS; i++) {
    array.push(i);
    heap.push(i);
  }
  await printComparison("read a number", {
    ours: perStep("SharedArray.at", RECORDS, () => {
      for (let i = 0; i < RECORDS; i++) sum += array.at(i);
    }),
    theirs: perStep("an array's at", RECORDS, () => {
      for (let i = 0; i < RECORDS; i++) sum += heap.at(i)!;
    }),
    rounds: 31,
  }, { figure: time, unit: " of its time", atMost: 2 });
}

if (Number.isNaN(sum)) throw new Error("nothing was read");
