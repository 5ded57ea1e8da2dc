/** Writing back: how far, off the calling thread, and what is told when it fails. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type FlushOptions, MmapRegion } from "@mmap/mmap";
import { MS_ASYNC, MS_SYNC } from "@mmap/mmap/libc";
import { libc } from "../../ffi/libc.ts";
import type { Libc } from "../../ffi/symbols.ts";
import { assertRejectsSystem, assertThrowsSystem } from "../_errors.ts";
import { makeFile, onBothFileSystems, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { addressOfRegion, KINDS, makeGate, withLibc } from "../_regions.ts";

const onLinux = Deno.build.os === "linux";
type Durability = Required<FlushOptions>["durability"];

const DURABILITIES: Durability[] = ["memory", "data", "disk"];
const nowhere = Deno.UnsafePointer.create(2n ** 56n)!;

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

/** Real calls that note what they were asked for. */
function spies(): { calls: unknown[]; replacement: Partial<Libc> } {
  const { msync, fsync, msyncOffThread, fsyncOffThread } = libc();
  const calls: unknown[] = [];
  const note = (name: string, address: Deno.PointerValue, length: unknown, flags: number): void => {
    calls.push([name, Deno.UnsafePointer.value(address), BigInt(length as number), flags]);
  };
  return {
    calls,
    replacement: {
      msync: (...args) => (note("msync", ...args), msync(...args)),
      msyncOffThread: (...args) => (note("msyncOffThread", ...args), msyncOffThread(...args)),
      fsync: (fd) => (calls.push("fsync"), fsync(fd)),
      fsyncOffThread: (fd) => (calls.push("fsyncOffThread"), fsyncOffThread(fd)),
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

  Deno.test({
    name: `MmapRegion.${name}() does what its durability says and widens its range to pages`,
    ignore: !onLinux,
    fn: () =>
      withTempDir(async (dir) => {
        using region = openThreePages(dir);
        const { calls, replacement } = spies();
        const second = addressOfRegion(region) + BigInt(PAGE);
        await withLibc(replacement, async () => {
          for (const durability of [...DURABILITIES, undefined]) {
            const range = { byteOffset: PAGE + 7, byteLength: 1 };
            await flush(region, durability === undefined ? range : { ...range, durability });
          }
        });
        const off = name === "flush" ? "OffThread" : "";
        const written = [`msync${off}`, second, BigInt(PAGE), MS_SYNC];
        assertEquals(calls, [
          ["msync", second, BigInt(PAGE), MS_ASYNC], // waits for nothing, so no thread is needed
          written,
          written,
          `fsync${off}`,
          written,
        ]);
      }),
  });

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

Deno.test("MmapRegion.flushSync() throws the error of msync", () => {
  const { msync } = libc();
  using region = MmapRegion.anonymous(PAGE);
  return withLibc({ msync: (_, length, flags) => msync(nowhere, length, flags) }, () => {
    for (const durability of DURABILITIES) {
      assertThrowsSystem(() => region.flushSync({ durability }), Error, "ENOMEM", "msync");
    }
  });
});

Deno.test({
  name: "MmapRegion.flushSync() throws the error of fsync",
  ignore: !onLinux,
  fn(): Promise<void> {
    const { fsync } = libc();
    using region = MmapRegion.anonymous(PAGE);
    return withLibc({ fsync: () => fsync(-1) }, () => {
      assertThrowsSystem(() => region.flushSync({ durability: "disk" }), Error, "EBADF", "fsync");
      region.flushSync();
    });
  },
});

Deno.test("MmapRegion.flush() throws EIO for a write that failed once, though it succeeds again", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const failed = (): Promise<number> => Promise.resolve(-1);
  await withLibc({ msyncOffThread: failed }, async () => {
    await assertRejectsSystem(() => region.flush(), Error, "EIO", "msync");
  });
  await withLibc({ fsyncOffThread: failed }, async () => {
    const flush = (): Promise<void> => region.flush({ durability: "disk" });
    await assertRejectsSystem(flush, Error, "EIO", "fsync");
  });
  await region.flush({ durability: "disk" });
});

Deno.test("MmapRegion.flush() throws the error itself where the call fails again", async () => {
  const { msync } = libc();
  using region = MmapRegion.anonymous(PAGE);
  await withLibc({
    msyncOffThread: () => Promise.resolve(-1),
    msync: (_, length, flags) => msync(nowhere, length, flags),
  }, async () => {
    await assertRejectsSystem(() => region.flush(), Error, "ENOMEM", "msync");
  });
});

for (
  const [durability, call] of [["data", "msyncOffThread"], ["disk", "fsyncOffThread"]] as const
) {
  Deno.test(`MmapRegion.flush() to "${durability}" leaves the event loop alone while it works`, async () => {
    const gate = makeGate();
    const inTheWay = (): number => {
      throw new Error("the calling thread did the work");
    };
    using region = MmapRegion.anonymous(PAGE);
    await withLibc({ [call]: gate.call, msync: inTheWay, fsync: inTheWay }, async () => {
      const flushed = region.flush({ durability });
      // The call ends only because the event loop goes on meanwhile.
      setTimeout(() => gate.end(0));
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
