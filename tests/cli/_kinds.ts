/** One of each kind, in files of a folder, as a program that uses them has them. */

import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, connect, Latest, serve } from "@mmap/mmap/channel";
import { AppendLog, SharedArray, SharedCache, SharedMap } from "@mmap/mmap/collections";
import { array, f32, f64 } from "@mmap/mmap/struct";
import { Barrier, layOut, Mutex, Once, RwLock, Semaphore, SharedEvent } from "@mmap/mmap/sync";

/** The kinds that begin with a header of their own. */
export const KIND_NAMES = [
  "channel",
  "broadcast",
  "latest",
  "server",
  "map",
  "log",
  "array",
  "cache",
  "layout",
] as const;

/** What `makeLayout` lays out. */
export const SHAPE = layOut({
  mutex: Mutex,
  config: RwLock,
  ready: SharedEvent,
  slots: Semaphore,
  gate: [Barrier, 3],
  once: Once,
  hits: array(f64, 16),
});

const bytes = new Uint8Array(100).fill(7);

/** Makes one of each kind, each in a file that is named so. @returns what closes all of them */
export async function makeKinds(dir: string): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const path = (name: string): string => join(dir, name);
  const channel = stack.use(Channel.create({ capacity: 65536, path: path("channel") }));
  for (let i = 0; i < 5; i++) channel.sendSync(bytes);
  channel.tryReceive();
  const feed = stack.use(Broadcast.create({ capacity: 4096, path: path("broadcast") }));
  for (let i = 0; i < 100; i++) feed.publish(bytes);
  const latest = stack.use(Latest.create({ byteLength: 100, path: path("latest") }));
  latest.write(bytes);
  stack.use(serve({ path: path("server") }, (request) => request));
  const client = stack.use(connect({ path: path("server") }));
  await client.call(bytes);
  const log = stack.use(AppendLog.open(path("log"), { create: true }));
  log.append(bytes);
  log.commit({ durability: "disk" });
  log.append(bytes);
  const map = stack.use(SharedMap.open(path("map"), { create: true, capacity: 20 }));
  for (let i = 0; i < 19; i++) map.set(`${i}`, bytes);
  const numbers = stack.use(SharedArray.open(path("array"), f32, { create: true }));
  numbers.push(1, 2, 3);
  const cache = stack.use(SharedCache.open(path("cache"), { create: true, byteLength: 2 ** 18 }));
  cache.set("one", bytes);
  cache.get("one");
  cache.get("none");
  await Promise.resolve(); // for the counts of the cache
  const region = stack.use(makeFile(path("layout"), SHAPE.byteLength));
  const shared = SHAPE.create(region);
  shared.ready.set();
  shared.slots.release(3);
  stack.use(makeFile(path("region"), 65536));
  return stack.move();
}

function makeFile(path: string, byteLength: number): MmapRegion {
  return MmapRegion.open(path, { access: "read-write", create: true, byteLength });
}
