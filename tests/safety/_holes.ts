/** Sparse copies of everything that lies in files, on a small disk that gets full. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, Latest, serve } from "@mmap/mmap/channel";
import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
import { f64 } from "@mmap/mmap/struct";
import { fillDisk } from "../_fill_disk.ts";
import { runLinux } from "../_host.ts";
import { descriptorCount, descriptorsOf, mapsOf } from "../_process.ts";

const dir = Deno.args[0]!;
const IS_WINDOWS = Deno.build.os === "windows";
// Windows does it by touching the pages.
const CAN_RESERVE = IS_WINDOWS || Deno.args[1] !== "ext2";
const WHOLE = 4096 + 65536;
const zeros = new Uint8Array(100_000);

/** Runs something in a region of a file. */
function inRegion(path: string, use: (region: MmapRegion) => Disposable): Disposable {
  using stack = new DisposableStack();
  const region = stack.use(MmapRegion.open(path, { access: "read-write" }));
  stack.use(use(region));
  return stack.move();
}

/** Each makes what is not there. */
const THINGS: Readonly<Record<string, (path: string) => Disposable>> = {
  channel: (path) => Channel.create({ path, capacity: 65536 }),
  broadcast: (path) => Broadcast.create({ path, capacity: 65536 }),
  latest: (path) => Latest.create({ path, byteLength: 20_000 }),
  server: (path) => serve({ path }, (request) => request),
  map: (path) => SharedMap.open(path, { create: true, capacity: 100 }),
  array: (path) => SharedArray.open(path, f64, { create: true }),
  log: (path) => {
    const log = AppendLog.open(path, { create: true });
    if (log.byteLength === 0) log.append(zeros);
    return log;
  },
  "channel in a region": (path) => inRegion(path, (region) => Channel.over(region)),
  "map in a region": (path) => inRegion(path, (region) => SharedMap.open(region)),
  "array in a region": (path) => inRegion(path, (region) => SharedArray.open(region, f64)),
};

const EMPTY: typeof THINGS = {
  "empty file": THINGS.channel!,
  "empty region for a map": THINGS["map in a region"]!,
  "empty region for an array": THINGS["array in a region"]!,
};

const READERS: Readonly<Record<string, (path: string) => Disposable>> = {
  map: (path) => SharedMap.open(path, { access: "read" }),
  array: (path) => SharedArray.open(path, f64, { access: "read" }),
  log: (path) => AppendLog.open(path),
};

/** Makes each with all its blocks, and then a copy with as few as can be. */
async function makeAll(): Promise<void> {
  for (const [name, open] of Object.entries(THINGS)) {
    const path = `${dir}/${name}`;
    if (name.endsWith("region")) {
      MmapRegion.open(path, { access: "read-write", create: true, byteLength: WHOLE }).close();
    }
    using _thing = open(path);
  }
  for (const name of Object.keys(THINGS)) {
    const args = ["--sparse=always", `${dir}/${name}`, `${dir}/${name}.sparse`];
    assert((await runLinux("cp", args)).success);
    Deno.removeSync(`${dir}/${name}`);
    assert(allocated(name) < Deno.statSync(`${dir}/${name}.sparse`).size, name);
  }
  // Files of nothing but zeros, in which everything can still be made.
  for (const name of Object.keys(EMPTY)) {
    Deno.writeFileSync(`${dir}/${name}.sparse`, new Uint8Array());
    Deno.truncateSync(`${dir}/${name}.sparse`, WHOLE);
  }
}

function allocated(name: string): number {
  return Deno.statSync(`${dir}/${name}.sparse`).blocks! * 512;
}

/**
 * What this process has open, and has mapped of that file. On Windows that is the file alone: the
 * threads of Deno's pool have handles, and end when they like.
 */
function held(path: string): number[] {
  const mapped = mapsOf(IS_WINDOWS ? path.replaceAll("/", "\\") : path).length;
  return [IS_WINDOWS ? descriptorsOf(path).length : descriptorCount(), mapped];
}

function isUnable(error: Error): boolean {
  return error instanceof Deno.errors.NotSupported && error.message.includes("has holes");
}

/** Who only reads reserves nothing. On a tmpfs even to read a hole takes a page, which may be missed. */
function checkReader(open: (path: string) => Disposable, path: string): void {
  try {
    open(path)[Symbol.dispose]();
  } catch (error) {
    assert(Deno.args[1] === "tmpfs" && error instanceof MappingFaultError, String(error));
  }
}

await makeAll();
const openers = Object.entries({ ...EMPTY, ...THINGS });
await fillDisk(dir);
for (const [name, open] of openers) {
  const path = `${dir}/${name}.sparse`;
  // Of what is made, a header would fit, and nothing more.
  const { size } = Deno.statSync(`${dir}/filler`);
  if (name in EMPTY) Deno.truncateSync(`${dir}/filler`, size - 8192);
  const before = [...held(path), Deno.readFileSync(path)];
  const error = assertThrows(() => open(path), Error) as Error & { code?: string };
  assert(error.code === "ENOSPC" || !CAN_RESERVE && isUnable(error), `${name}: ${error}`);
  assertEquals([...held(path), Deno.readFileSync(path)], before, name);
  if (name in READERS) checkReader(READERS[name]!, path);
}
Deno.removeSync(`${dir}/filler`);
for (const [name, open] of openers) {
  if (!CAN_RESERVE) {
    assert(isUnable(assertThrows(() => open(`${dir}/${name}.sparse`), Error)), name);
  } else {
    using _thing = open(`${dir}/${name}.sparse`);
    // Less than an entry of a map may be left of its region.
    const { size } = Deno.statSync(`${dir}/${name}.sparse`);
    assert(allocated(name) >= size - 4096, `${name}: ${allocated(name)} of ${size}`);
  }
}
console.log("done");
