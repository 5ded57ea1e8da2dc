/** The other processes of tests of growing regions, of names and of statistics. */

import { MmapRegion, type SystemError } from "@mmap/mmap";
import { instantiate } from "../../examples/webassembly/module.ts";
import { act, stdinEnds } from "../_act.ts";
import { splitLines } from "../_child.ts";
import { PAGE } from "../_pages.ts";
import { dropPrivileges } from "../_process.ts";

await act({
  /** Resizes the region of the environment to each line's number. */
  async resize(): Promise<void> {
    using region = MmapRegion.fromEnv();
    console.log("attached");
    const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines());
    for await (const line of lines) {
      region.resize(Number(line));
      region.bytes[region.byteLength - 1] = 7;
      console.log(region.byteLength);
    }
  },

  grow(path: string): number {
    using region = MmapRegion.open(path, { access: "read-write" });
    region.resize(3 * PAGE);
    region.bytes[2 * PAGE] = 7;
    return 1;
  },

  /** Uses a view of what is behind the end of a new file. */
  useBehindTheEnd(path: string, reserve: number): unknown {
    using region = MmapRegion.open(path, {
      access: "read-write",
      create: true,
      byteLength: PAGE,
      reserve,
    });
    const behind = new Uint8Array(region.buffer, 8 * PAGE, PAGE);
    const read = behind[0];
    behind[1] = 5;
    const { faults } = region;
    let name: string | undefined;
    try {
      region.check();
    } catch (error) {
      name = (error as Error).name;
    }
    region.resize(9 * PAGE); // heals: the page is the file's now
    region.check();
    behind[2] = 6;
    return { read, faults, name, bytes: [...region.bytes.subarray(8 * PAGE, 8 * PAGE + 3)] };
  },

  /** Attaches again and again until its stdin ends. @returns how often what came of it */
  async look(name: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const outcome = (): string => {
      try {
        using region = MmapRegion.named(name);
        return `found ${region.byteLength}`;
      } catch (error) {
        return (error as Error).name;
      }
    };
    let done = false;
    let told = false;
    stdinEnds().then(() => done = true);
    console.log("looking");
    while (!done) {
      for (let i = 0; i < 100; i++) {
        const seen = outcome();
        counts[seen] = (counts[seen] ?? 0) + 1;
      }
      await new Promise((resolve) => setTimeout(resolve));
      if (counts["found 5000"]! > 20 && !told) {
        console.log("seen");
        told = true;
      }
    }
    return counts;
  },

  /** Opens one name with others, and counts itself when told to. */
  async race(name: string): Promise<void> {
    using region = MmapRegion.named(name, {
      create: true,
      byteLength: 64,
      unlinkOnClose: false,
    });
    console.log("ready");
    await stdinEnds();
    Atomics.add(region.view(Int32Array), 0, 1);
  },

  /** What becomes of a store into a region that must not be written to, by code of either kind. */
  store(path: string): unknown {
    using region = MmapRegion.open(path);
    const bytes = new Uint8Array(region.sharedBuffer());
    const { store, sum } = instantiate(region.wasmMemory());
    const outcome = (call: () => unknown): string => {
      try {
        return String(call());
      } catch (error) {
        return (error as Error).name;
      }
    };
    const byScript = outcome(() => (bytes[0] = 99, bytes[0]));
    const byWasm = outcome(() => (store(8, 99n), sum(8, 16)));
    const checked = outcome(() => region.check());
    return { byScript, byWasm, checked, faults: region.faults };
  },

  /** The same by WebAssembly alone. */
  storeByWasm(path: string): unknown {
    using region = MmapRegion.open(path);
    const { store, sum } = instantiate(region.wasmMemory());
    store(8, 99n);
    return [String(sum(8, 16)), region.faults];
  },

  /** What WebAssembly reads before and after a page is cut off. */
  sumCutOff(path: string): unknown {
    using region = MmapRegion.open(path, { access: "read-write" });
    const { sum } = instantiate(region.wasmMemory());
    const before = String(sum(2 * PAGE, 2 * PAGE + 8));
    Deno.truncateSync(path, PAGE);
    const after = String(sum(2 * PAGE, 2 * PAGE + 8));
    let name: string | undefined;
    try {
      region.check();
    } catch (error) {
      name = (error as Error).name;
    }
    return [before, after, name];
  },

  /** What another user may do with a name. */
  useAsNobody(name: string): unknown {
    dropPrivileges();
    const codeOf = (call: () => unknown): unknown => {
      try {
        call();
        return "done";
      } catch (error) {
        const { name, code } = error as SystemError;
        return [name, code];
      }
    };
    return [
      codeOf(() => MmapRegion.named(name)),
      codeOf(() => MmapRegion.named(name, { access: "read" })),
      codeOf(() => MmapRegion.unlink(name)),
      codeOf(() => MmapRegion.reap()),
      MmapRegion.list().find((info) => info.name === name)?.uid,
    ];
  },

  /** Opens a name twice, and lets go of it once. */
  openTwice(name: string): unknown {
    MmapRegion.named(name).close();
    const forgotten = MmapRegion.named(name); // until the process ends
    return forgotten.bytes[0];
  },

  /** Makes an object, and has it until the test ends it. */
  async create(name: string): Promise<void> {
    using region = MmapRegion.named(name, { createNew: true, byteLength: 100 });
    region.bytes[0] = 7;
    console.log("made");
    await stdinEnds();
  },

  /** Touches two pages of the region of the environment, says what its own statistics are, and stays. */
  async touchTwo(): Promise<void> {
    using region = MmapRegion.fromEnv();
    for (let i = 0; i < 2; i++) region.bytes[i * PAGE] = 2;
    console.log(JSON.stringify(region.stats()));
    await stdinEnds();
  },

  writeSecond(name: string): unknown {
    using region = MmapRegion.named(name);
    region.bytes[1] = 2;
    return [region.byteLength, region.bytes[0]];
  },
});
