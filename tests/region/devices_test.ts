/**
 * Devices: a second mapping of one may be other memory, so that nothing is mapped a second time. macOS
 * maps none.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion, type OpenRegionOptions } from "@mmap/mmap";
import { statusOfPath } from "../../ffi/status.ts";
import { linux } from "../_capabilities.ts";
import { assertLives, ignore } from "../_faults.ts";
import { silentPipe } from "../_fifo.ts";
import { makeFile, NULL_DEVICE, pattern, withTempDir, ZERO_DEVICE } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const PROGRAM = new URL("_devices.ts", import.meta.url);

const access = "read-write";

for (const protection of ["none", "read"]) {
  Deno.test(
    `MmapRegion of /dev/zero keeps a page that got a stray write under protect("${protection}")`,
    { ignore },
    async () => {
      await assertLives(PROGRAM, { args: ["writeToZero", protection] });
    },
  );
}

Deno.test("MmapRegion of /dev/zero with access read absorbs stray writes", { ignore }, async () => {
  await assertLives(PROGRAM, { args: ["writeToReadOnlyZero"] });
});

Deno.test(
  "MmapRegion.sharedBuffer() and wasmMemory() throw NotSupported for a device",
  () => {
    using region = MmapRegion.open(ZERO_DEVICE, { access, byteLength: 4 * PAGE });
    region.bytes.fill(5);
    for (const share of [() => region.sharedBuffer(), () => region.wasmMemory()]) {
      assertThrows(share, Deno.errors.NotSupported, "other memory");
    }
    assertEquals(region.bytes, new Uint8Array(4 * PAGE).fill(5));
  },
);

Deno.test(
  "MmapRegion.resize() throws NotSupported for a device and keeps its memory",
  () => {
    using region = MmapRegion.open(ZERO_DEVICE, { access, byteLength: 4 * PAGE });
    region.bytes.fill(5);
    for (const byteLength of [PAGE, 8 * PAGE]) {
      assertThrows(() => region.resize(byteLength), Deno.errors.NotSupported, "device");
    }
    assertEquals(region.bytes, new Uint8Array(4 * PAGE).fill(5));
  },
);

Deno.test(
  "MmapRegion.open() with truncate throws NotSupported for what has no size",
  () =>
    withTempDir(async (dir) => {
      using fifo = await silentPipe(dir);
      const options: OpenRegionOptions = { access, truncate: true, byteLength: PAGE };
      for (const path of [ZERO_DEVICE, NULL_DEVICE, fifo.path]) {
        for (const create of [true, false]) {
          const open = () => MmapRegion.open(path, { ...options, create });
          assertThrows(open, Deno.errors.NotSupported, "truncate");
        }
      }
    }),
);

/** A block device over a file; undefined where this user may make none. */
async function attachLoop(path: string): Promise<string | undefined> {
  try {
    const args = ["-f", "--show", path];
    const { success, stdout } = await new Deno.Command("losetup", { args, stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

async function detachLoop(device: string): Promise<void> {
  await new Deno.Command("losetup", { args: ["-d", device] }).output();
}

const canLoop = await (async () => {
  let device: string | undefined;
  await withTempDir(async (dir) => {
    device = await attachLoop(makeFile(dir, 8 * PAGE));
    if (device !== undefined) await detachLoop(device);
  });
  return device !== undefined;
})();

Deno.test({
  name: "MmapRegion of a block device is not emptied, and all of its mappings are the same memory" +
    (canLoop ? "" : " (needs losetup)"),
  ignore: linux.ignore || !canLoop,
  fn: () =>
    withTempDir(async (dir) => {
      const device = (await attachLoop(makeFile(dir, 8 * PAGE)))!;
      try {
        assertEquals(statusOfPath(device).type, "block-device");
        const options = { access, byteLength: 4 * PAGE } as const;
        assertThrows(
          () => MmapRegion.open(device, { ...options, truncate: true }),
          Deno.errors.NotSupported,
          "it is a block device",
        );
        using region = MmapRegion.open(device, options);
        assertEquals(region.bytes, pattern(4 * PAGE));
        const shared = new Uint8Array(region.sharedBuffer());
        region.bytes[0] = 99;
        assertEquals(shared[0], 99);
        region.protect("read");
        region.bytes[PAGE] = 100; // of a private copy
        assertEquals([region.faults, shared[PAGE]], [1, pattern(PAGE + 1)[PAGE]]);
      } finally {
        await detachLoop(device);
      }
    }),
});
