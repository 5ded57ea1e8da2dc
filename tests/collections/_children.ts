/** The other processes of processes_test.ts. */

import { MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedMap } from "@mmap/mmap/collections";
import { act } from "../_act.ts";

/** How much this process has had written to disks. */
function writtenBytes(): number {
  return Number(/^write_bytes: (\d+)$/m.exec(Deno.readTextFileSync("/proc/self/io"))![1]);
}

await act({
  /** Writes to a log until it is killed. */
  async append(path: string): Promise<void> {
    const log = AppendLog.open(path, { create: true });
    log.append(new Uint8Array(5));
    console.log("open");
    await new Promise(() => setTimeout(() => {}, 1e9));
  },

  /** Commits each record of a large log. @returns how many bytes the last commit wrote */
  commitEach(path: string): number {
    using log = AppendLog.open(path, { create: true });
    const record = new Uint8Array(100_000);
    for (let i = 0; i < 100; i++) {
      log.append(record);
      log.commit({ durability: "disk" });
    }
    const before = writtenBytes();
    log.append(new Uint8Array(100));
    log.commit({ durability: "disk" });
    return writtenBytes() - before;
  },

  /** Tells each record, up to an empty one. */
  async follow(path: string): Promise<void> {
    using log = AppendLog.open(path);
    console.log("open");
    for await (const { position, record } of log.follow()) {
      console.log(`${position} ${record.join()}`);
      if (record.length === 0) break;
    }
  },

  async followWithoutWriting(path: string): Promise<void> {
    await Deno.permissions.revoke({ name: "write" });
    using log = AppendLog.open(path);
    console.log("open");
    for await (const { record } of log.follow()) console.log(record.join());
  },

  /** Looks so many times at a map that somebody changes. @returns what was wrong */
  look(looks: number): unknown {
    using region = MmapRegion.fromEnv();
    using map = SharedMap.open(region);
    let torn = 0, missing = 0, changes = 0, last = 0, uneven = 0;
    const target = new Uint8Array(256);
    const into = (key: string): Uint8Array | undefined => {
      const byteLength = map.getInto(key, target);
      return byteLength === undefined ? undefined : target.subarray(0, byteLength);
    };
    console.log("reading");
    for (let i = 0; i < looks; i++) {
      const value = i % 2 === 0 ? map.get("fixed") : into("fixed");
      if (value === undefined) missing++;
      else {
        if (value.length !== 200 || value.some((byte) => byte !== value[0])) torn++;
        if (value[0] !== last) changes++;
        last = value[0]!;
      }
      const other = map.get("moving");
      if (other?.some((byte) => byte !== other[0] || other.length !== other[0] % 200)) torn++;
      if (i % 1000 === 0) {
        const keys = [...map.keys()];
        if (new Set(keys).size !== keys.length || !keys.includes("fixed")) uneven++;
      }
    }
    return { torn, missing, uneven, changed: changes > 100 };
  },

  /** @returns how many keys there are once its own are set */
  fill(path: string, prefix: number): number {
    using map = SharedMap.open(path, { create: true, capacity: 500 });
    for (let i = 0; i < 100; i++) map.set(`${prefix} ${i}`, new Uint8Array([i]));
    return map.size;
  },
});
