/** The other processes of map_processes_test.ts. */

import { MmapRegion } from "@mmap/mmap";
import { SharedMap } from "@mmap/mmap/collections";
import { Futex } from "@mmap/mmap/sync";
import { act } from "../_act.ts";

/** Words of the region in which children say what they have done. */
export const DONE = 0;

/** The value of a key, which says what it belongs to. */
export function valueOf(number: number): Uint8Array {
  return new Uint8Array(200).fill(number % 251);
}

if (import.meta.main) {
  await act({
    /** @returns the last number that it got */
    count(path: string, times: number): number {
      using map = SharedMap.open(path);
      let last = 0;
      for (let i = 0; i < times; i++) last = map.increment("count");
      return last;
    },

    /** As `count`, with a function. */
    update(path: string, times: number): number {
      using map = SharedMap.open(path);
      const add = (there: Uint8Array<ArrayBuffer> | undefined) => {
        const value = there ?? new Uint8Array(8);
        const view = new DataView(value.buffer, value.byteOffset);
        view.setFloat64(0, view.getFloat64(0, true) + 1, true);
        return value;
      };
      for (let i = 0; i < times; i++) map.update("count", add);
      return times;
    },

    /** @returns how many of the keys it has taken, or was the one to set */
    compete(path: string, keys: number): { took: number; set: number } {
      using map = SharedMap.open(path);
      let took = 0, set = 0;
      for (let i = 0; i < keys; i++) {
        if (map.take(`token ${i}`) !== undefined) took++;
        if (map.setIf(`lock ${i}`, valueOf(i), "absent")) set++;
      }
      return { took, set };
    },

    /** Adds keys and makes room for them, until it is killed. */
    grow(path: string): void {
      using region = MmapRegion.fromEnv();
      const words = region.view(Int32Array);
      const bell = new Futex(region, 4 * DONE);
      using map = SharedMap.open(path);
      for (let number = words[DONE]!;; number++) {
        if (number === map.capacity) map.resize(number + 1);
        map.set(`key ${number}`, valueOf(number));
        Atomics.store(words, DONE, number + 1);
        bell.wake();
      }
    },

    /** @returns the first byte of what it gets */
    insert(path: string): number {
      using map = SharedMap.open(path);
      return map.getOrInsert("key", valueOf(2))[0]!;
    },

    dieInUpdate(path: string): void {
      using map = SharedMap.open(path);
      map.update("a", () => Deno.exit(7));
    },

    /** Looks for keys that must be there, while the map is resized. @returns what was wrong */
    look(path: string, capacity: number): { missing: number; torn: number } {
      using region = MmapRegion.fromEnv();
      const words = region.view(Int32Array);
      const bell = new Futex(region, 4 * DONE);
      using map = SharedMap.open(path, { access: "read" });
      const target = new Uint8Array(200);
      let missing = 0, torn = 0;
      for (let i = 0; words[DONE]! < capacity; i++) {
        const number = i % 8;
        if (Atomics.exchange(words, DONE, map.capacity) !== map.capacity) bell.wake();
        const byteLength = map.getInto(`key ${number}`, target);
        if (byteLength === undefined) missing++;
        else if (target.some((byte) => byte !== number)) torn++;
        if (map.get(`key ${number}`)?.length !== 200) missing++;
        if (i % 100 === 0 && new Set(map.keys()).size < 8) missing++;
      }
      return { missing, torn };
    },
  });
}
