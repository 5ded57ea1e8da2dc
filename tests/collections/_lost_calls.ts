/** The calls on collections that must throw where a page is lost, by the member. */

import type { AppendLog, SharedArray, SharedCache, SharedMap } from "@mmap/mmap/collections";

export const value: Uint8Array<ArrayBuffer> = new Uint8Array(200).fill(7);

export const MAP_CALLS: Record<string, (map: SharedMap) => unknown> = {
  get: (map) => map.get("one"),
  getInto: (map) => map.getInto("one", new Uint8Array(256)),
  "get of none": (map) => map.get("none"),
  has: (map) => map.has("one"),
  set: (map) => map.set("two", value),
  "set again": (map) => map.set("one", value),
  setIf: (map) => map.setIf("one", value, "present"),
  "setIf of another": (map) => map.setIf("one", value, "absent"),
  getOrInsert: (map) => map.getOrInsert("one", value),
  "getOrInsert of none": (map) => map.getOrInsert("two", value),
  update: (map) => map.update("one", (there) => there),
  "update of none": (map) => map.update("two", () => value),
  increment: (map) => map.increment("number"),
  take: (map) => map.take("one"),
  resize: (map) => map.resize(1000),
  delete: (map) => map.delete("one"),
  clear: (map) => map.clear(),
  size: (map) => map.size,
  stats: (map) => map.stats(),
  keys: (map) => [...map.keys()],
  entries: (map) => [...map.entries()],
  "[Symbol.iterator]": (map) => [...map],
  commit: (map) => map.commit(),
};

export const ARRAY_CALLS: Record<string, (array: SharedArray<number>) => unknown> = {
  length: (array) => array.length,
  stats: (array) => array.stats(),
  at: (array) => array.at(0),
  set: (array) => array.set(0, 5),
  push: (array) => array.push(1, 2),
  "[Symbol.iterator]": (array) => [...array],
  commit: (array) => array.commit(),
};

export const LOG_CALLS: Record<string, (log: AppendLog) => unknown> = {
  append: (log) => log.append(value),
  read: (log) => log.read(0),
  entries: (log) => [...log.entries()],
  "[Symbol.iterator]": (log) => [...log],
  byteLength: (log) => log.byteLength,
  stats: (log) => log.stats(),
  follow: (log) => log.follow().next(),
  commit: (log) => log.commit(),
};

export const CACHE_CALLS: Record<string, (cache: SharedCache) => unknown> = {
  get: (cache) => cache.get("one"),
  "get of none": (cache) => cache.get("none"),
  getEntry: (cache) => cache.getEntry("one"),
  has: (cache) => cache.has("one"),
  set: (cache) => cache.set("two", value),
  "set again": (cache) => cache.set("one", value),
  delete: (cache) => cache.delete("one"),
  take: (cache) => cache.take("one"),
  touch: (cache) => cache.touch("one", 1000),
  update: (cache) => cache.update("one", () => value),
  increment: (cache) => cache.increment("number"),
  compareAndSet: (cache) => cache.compareAndSet("one", 1, value),
  getOrCompute: (cache) => cache.getOrCompute("two", () => value),
  namespace: (cache) => cache.namespace("name"),
  keys: (cache) => [...cache.keys()],
  entries: (cache) => [...cache.entries()],
  "[Symbol.iterator]": (cache) => [...cache],
  clear: (cache) => cache.clear(),
  purge: (cache) => cache.purge(),
  stats: (cache) => cache.stats(),
};
