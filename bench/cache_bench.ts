/** What a shared cache costs and keeps: `deno run -A bench/cache_bench.ts [keeps|costs]`. */

import process from "node:process";
import { MmapRegion } from "@mmap/mmap";
import { json, SharedCache, SharedMap } from "@mmap/mmap/collections";
import { CacheModel } from "./_cache_model.ts";
import { streams } from "./_cache_streams.ts";
import { peerPath } from "./_programs.ts";
import { type Medians, printComparison, printHead, type Side } from "./_ratio.ts";

const VALUE = new Uint8Array(100).fill(7);
const REQUESTS = 2_000_000;
/** What an entry takes in its ring. */
const ENTRY_BYTE_LENGTH = 160;

let sum = 0;

const [what = "all"] = Deno.args;
if (what !== "costs") compareHits();
if (what !== "keeps") await compareCosts();

/** The hit ratios of a cache and of the model with as many entries, behind the first requests. */
function compareHits(): void {
  console.log("| stream | entries | cache | model | difference |\n| --- | --- | --- | --- | --- |");
  for (const { name, entries, keys } of streams()) {
    const requests = keys(REQUESTS);
    using region = MmapRegion.anonymous(
      4096 * Math.ceil(entries * ENTRY_BYTE_LENGTH * 1.13 / 4096),
    );
    using cache = SharedCache.open(region, { averageEntryByteLength: 108, pooled: true });
    const ours = ratio(requests, (key) => {
      const text = `key ${key}`;
      if (cache.get(text) !== undefined) return true;
      cache.set(text, VALUE);
      return false;
    });
    const kept = cache.stats().entries;
    const model = new CacheModel(kept);
    const theirs = ratio(requests, (key) => model.request(key));
    const points = 100 * (ours - theirs);
    console.log(
      `| ${name} | ${kept} | ${ours.toFixed(4)} | ${theirs.toFixed(4)} | ` +
        `${points.toFixed(2)} points${points < -1 ? ": missed" : ""} |`,
    );
  }
}

function ratio(requests: Uint32Array, request: (key: number) => boolean): number {
  let hits = 0;
  for (const key of requests) if (request(key)) hits++;
  return hits / requests.length;
}

/** Our time in theirs. */
function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

/** The time of this process on processors, in nanoseconds: others may use them, too. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return 1000 * (user + system);
}

/** The nanoseconds of one of many calls. */
function each(name: string, call: (i: number) => void, times = 200_000): Side {
  let i = 0;
  return {
    name,
    measure: () => {
      const start = spent();
      for (let n = 0; n < times; n++) call(i++);
      return (spent() - start) / times;
    },
  };
}

async function compareCosts(): Promise<void> {
  const count = 100_000;
  const keys = Array.from({ length: count }, (_, i) => `key:${i * 7919 % count}`);
  using region = MmapRegion.anonymous(1 << 25);
  using cache = SharedCache.open(region, { averageEntryByteLength: 108, pooled: true });
  using other = MmapRegion.anonymous(1 << 25);
  const sizes = { capacity: count, maxKeyByteLength: 16, valueByteLength: 100 };
  using map = SharedMap.open(other, { ...sizes, pooled: true });
  const heap = new Map<string, Uint8Array>();
  for (const key of keys) {
    cache.set(key, VALUE);
    map.set(key, VALUE);
    heap.set(key, VALUE.slice());
  }
  const keyAt = (i: number): string => keys[i % count]!;
  printHead();
  const get = each("SharedCache.get, pooled", (i) => sum += cache.get(keyAt(i))![0]!);
  await printComparison("read 100 bytes, of 100,000 keys", {
    ours: get,
    theirs: each("Map.get and slice", (i) => sum += heap.get(keyAt(i))!.slice()[0]!),
    rounds: 15,
  }, { figure: time, unit: " of its time", atMost: 0.7 });
  await printComparison("read 100 bytes, of 100,000 keys", {
    ours: get,
    theirs: each("SharedMap.get, pooled", (i) => sum += map.get(keyAt(i))![0]!),
    rounds: 15,
  }, { figure: time, unit: " of its time", atMost: 1.3 });
  await printComparison("set 100 bytes, of 100,000 keys", {
    ours: each("SharedCache.set", (i) => cache.set(keyAt(i), VALUE)),
    theirs: each("SharedMap.set", (i) => map.set(keyAt(i), VALUE)),
    rounds: 15,
  }, { figure: time, unit: " of its time" });
  using full = MmapRegion.anonymous(1 << 22);
  using evicting = SharedCache.open(full, { averageEntryByteLength: 108 });
  await printComparison("set a new key, which pushes one out", {
    ours: each("SharedCache.set", (i) => evicting.set(`new ${i}`, VALUE)),
    theirs: each("SharedMap.set of a known key", (i) => map.set(keyAt(i), VALUE)),
    rounds: 15,
  }, { figure: time, unit: " of its time" });
  await compareLocal();
  await compareWriters();
  if (Number.isNaN(sum)) throw new Error("nothing was read");
}

async function compareLocal(): Promise<void> {
  const value = { id: 12345, name: "Ada Lovelace", roles: ["admin", "user"], seen: 1727000000000 };
  using region = MmapRegion.anonymous(1 << 20);
  using cache = SharedCache.open<typeof value>(region, { codec: json, local: 100 });
  using plain = SharedCache.open<typeof value>(region, { codec: json });
  cache.set("key", value);
  await printComparison("read a JSON value of 80 bytes", {
    ours: each("SharedCache.get, local", () => sum += cache.get("key")!.id),
    theirs: each("SharedCache.get", () => sum += plain.get("key")!.id),
    rounds: 15,
  }, { figure: time, unit: " of its time", atMost: 0.2 });
}

/** How many values processes set in a second, each on keys of its own. */
async function compareWriters(): Promise<void> {
  using region = MmapRegion.anonymous(1 << 26);
  using _cache = SharedCache.open(region);
  const run = (writers: number): Side => ({
    name: `${writers} ${writers === 1 ? "writer" : "writers"}`,
    measure: async () => {
      const each = await Promise.all(Array.from({ length: writers }, async (_, i) => {
        const { stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--quiet", peerPath("cache_writer.ts"), `${i}`],
          env: region.env(),
        }).output();
        const { sets, milliseconds } = JSON.parse(new TextDecoder().decode(stdout));
        return sets / milliseconds;
      }));
      return 1e6 / each.reduce((all, one) => all + one);
    },
  });
  const cores = Math.min(4, navigator.hardwareConcurrency);
  await printComparison(`set 100 bytes, on ${cores} of the cores`, {
    ours: run(4),
    theirs: run(1),
    rounds: 3,
  }, {
    figure: ({ ours, theirs }) => theirs / ours / cores,
    unit: " of linear",
    atLeast: 0.8,
  });
}
