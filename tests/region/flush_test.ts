/** Writing back: how far, off the calling thread, and what is told when it fails. */

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type FlushOptions, MmapRegion } from "@mmap/mmap";
import type { Range } from "../../ffi/memory.ts";
import { system } from "../../src/os/mod.ts";
import type { Durability } from "../../src/os/system.ts";
import { makeFile, onBothFileSystems, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { addressOfRegion, KINDS } from "../_regions.ts";
import { makeGate, type Verbs, withSystem } from "../_fake_system.ts";

const DURABILITIES: Durability[] = ["memory", "data", "disk"];

/** Calls of `flush` and `flushSync` alike. */
const WAYS: Record<string, (region: MmapRegion, options?: FlushOptions) => Promise<void>> = {
  flush: (region, options) => region.flush(options),
  // deno-lint-ignore require-await -- so that both reject
  flushSync: async (region, options) => region.flushSync(options),
};

/** A shared region of a file of three pages. */
function openThreePages(dir: string): MmapRegion {
  return MmapRegion.open(makeFile(dir, 3 * PAGE), { access: "read-write" });
}

/** Real verbs that note what they were asked for. */
function spies(): { calls: unknown[]; verbs: Verbs } {
  const { flush, flushOffThread } = system().memory;
  const calls: unknown[] = [];
  const note = ({ pointer, byteLength }: Range, durability: Durability, where: string): void => {
    calls.push([Deno.UnsafePointer.value(pointer), byteLength, durability, where]);
  };
  return {
    calls,
    verbs: {
      memory: {
        flush(range, durability, object): void {
          note(range, durability, "here");
          flush(range, durability, object);
        },
        flushOffThread(range, durability, object): Promise<Error | undefined> {
          note(range, durability, "off this thread");
          return flushOffThread(range, durability, object);
        },
      },
    },
  };
}

for (const [name, flush] of Object.entries(WAYS)) {
  for (const kind of KINDS) {
    onBothFileSystems(
      `MmapRegion.${name}() of ${kind.name} takes every durability`,
      async (dir) => {
        using region = kind.make(dir, 3 * PAGE + 5);
        region.bytes.fill(9);
        await flush(region);
        for (const durability of DURABILITIES) {
          await flush(region, { durability, byteOffset: PAGE + 1, byteLength: 1 });
        }
        assertEquals(region.bytes, new Uint8Array(3 * PAGE + 5).fill(9));
      },
    );
  }

  Deno.test(`MmapRegion.${name}() goes as far as its durability says, for whole pages`, () =>
    withTempDir(async (dir) => {
      using region = openThreePages(dir);
      const { calls, verbs } = spies();
      const second = addressOfRegion(region) + BigInt(PAGE);
      await withSystem(verbs, async () => {
        for (const durability of [...DURABILITIES, undefined]) {
          const range = { byteOffset: PAGE + 7, byteLength: 1 };
          await flush(region, durability === undefined ? range : { ...range, durability });
        }
      });
      const where = name === "flush" ? "off this thread" : "here";
      assertEquals(calls, [
        [second, PAGE, "memory", "here"], // waits for nothing, so no thread is needed
        [second, PAGE, "data", where],
        [second, PAGE, "disk", where],
        [second, PAGE, "data", where],
      ]);
    }));

  Deno.test(`MmapRegion.${name}() throws TypeError for an unknown durability`, async () => {
    using region = MmapRegion.anonymous(PAGE);
    for (const durability of ["", "disc", 1, null] as unknown[]) {
      await assertRejects(
        () => flush(region, { durability: durability as Durability }),
        TypeError,
        'Cannot flush region as durability must be "memory", "data" or "disk"',
      );
    }
  });

  Deno.test(`MmapRegion.${name}() throws RangeError for a range outside of the region`, async () => {
    using region = MmapRegion.anonymous(PAGE);
    for (const range of [{ byteOffset: PAGE }, { byteLength: PAGE + 1 }, { byteOffset: -1 }]) {
      await assertRejects(() => flush(region, range), RangeError);
    }
  });
}

Deno.test("MmapRegion.flush() throws what was told of a write that failed once", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const failure = new Error("the disk has failed");
  await withSystem({ memory: { flushOffThread: () => Promise.resolve(failure) } }, async () => {
    assertStrictEquals(await region.flush().catch((error) => error), failure);
  });
  await region.flush({ durability: "disk" });
});

Deno.test("MmapRegion.flush() throws the error itself where the call fails again", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const [unknown, known] = [new Error("on another thread"), new Error("here")];
  const memory = {
    flushOffThread: () => Promise.resolve(unknown),
    flush: (): void => {
      throw known;
    },
  };
  await withSystem({ memory }, async () => {
    assertStrictEquals(await region.flush().catch((error) => error), known);
  });
});

for (const durability of ["data", "disk"] as const) {
  Deno.test(`MmapRegion.flush() to "${durability}" leaves the event loop alone while it works`, async () => {
    const gate = makeGate();
    using region = MmapRegion.anonymous(PAGE);
    await withSystem(gate.flushing, async () => {
      const flushed = region.flush({ durability });
      // The call ends only because the event loop goes on meanwhile.
      setTimeout(() => gate.end());
      await flushed;
    });
  });
}

Deno.test("MmapRegion.flush() rejects and never throws", async () => {
  const region = MmapRegion.anonymous(PAGE);
  region.close();
  const flushed = region.flush({ byteOffset: 0 });
  await assertRejects(() => flushed, Deno.errors.BadResource);
  const populated = region.populate();
  await assertRejects(() => populated, Deno.errors.BadResource);
  assertThrows(() => region.flushSync(), Deno.errors.BadResource);
});

onBothFileSystems("MmapRegion.flush() may run many times at once", async (dir) => {
  using region = openThreePages(dir);
  region.bytes.fill(9);
  await Promise.all(
    Array.from(
      { length: 64 },
      (_, i) => region.flush({ byteOffset: i, durability: i % 2 === 0 ? "data" : "disk" }),
    ),
  );
  assertEquals(Deno.readFileSync(`${dir}/data.bin`), new Uint8Array(3 * PAGE).fill(9));
});
