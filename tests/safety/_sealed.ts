/** Memory that is sealed against writable mappings: healing needs one all the same. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AnonymousOptions, MappingFaultError, MmapRegion } from "@mmap/mmap";
import { seal } from "../../src/os/linux/objects.ts";
import type { OpenObject } from "../../src/os/system.ts";
import { act, gc } from "../_act.ts";
import { assertFault, truncate } from "../_fault_child.ts";
import { pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { viewCount } from "../_windows_holdings.ts";

/** Four pages of the pattern, whoever made them, and who reads them. */
interface Sealed {
  readonly region: MmapRegion;
  readonly reader: MmapRegion;
}

function makeSealed(options: AnonymousOptions): Sealed {
  const region = MmapRegion.anonymous(4 * PAGE, options);
  const reader = MmapRegion.attach(region.handle(), { access: "read" });
  region.bytes.set(pattern(4 * PAGE));
  return { region, reader };
}

function sealOthers(region: MmapRegion): void {
  seal(region.handle().fd as OpenObject, { shrink: false, write: true });
}

function assertWritable({ region, reader }: Sealed, length: number): void {
  region.bytes[length - 1] = 99;
  reader.refresh();
  assertEquals([reader.byteLength, reader.bytes[length - 1]], [length, 99]);
  region.flushSync();
}

await act({
  healProtected(protection: "none" | "read"): void {
    const sealed = makeSealed({ seal: "write" });
    const { region, reader } = sealed;

    region.protect(protection);
    const stray = region.bytes;
    for (let page = 3; page >= 0; page--) stray[page * PAGE + 5] = 250; // none is the object's now
    assertEquals([region.faults, stray[5]], [4, 250]);
    assertEquals(reader.bytes, pattern(4 * PAGE));
    region.repair();
    region.check();
    assertEquals(region.bytes, pattern(4 * PAGE));
    assertWritable(sealed, 4 * PAGE);
  },

  healTheMiddle(): void {
    const sealed = makeSealed({ seal: "write" });
    const { region, reader } = sealed;

    region.protect("read", { byteOffset: 2 * PAGE, byteLength: PAGE });
    region.bytes[2 * PAGE + 1] = 250;
    region.bytes[3 * PAGE] = 1;
    region.repair();
    const expected = pattern(4 * PAGE);
    expected[3 * PAGE] = 1;
    assertEquals([region.bytes, reader.bytes], [expected, expected]);
    assertWritable(sealed, 4 * PAGE);
  },

  resizeCutOff(): void {
    const sealed = makeSealed({ seal: "write" });
    const { region } = sealed;

    region.protect("read");
    region.bytes[0] = 250;
    region.resize(9 * PAGE); // to other addresses
    region.check();
    assertEquals(region.bytes.subarray(0, 4 * PAGE), pattern(4 * PAGE));
    assertWritable(sealed, 9 * PAGE);
  },

  healBehindTheEnd(): void {
    const sealed = makeSealed({ seal: "write", reserve: 8 * PAGE });
    const { region } = sealed;

    new Uint8Array(region.buffer)[5 * PAGE] = 1; // mapped, and no part of the region
    assertThrows(() => region.check(), MappingFaultError);
    region.repair();
    region.check();
    assertEquals(region.bytes, pattern(4 * PAGE));
    region.resize(6 * PAGE);
    assertWritable(sealed, 6 * PAGE);
  },

  healWhatOthersCut(): void {
    const sealed = makeSealed({ seal: "write", resizable: true });
    const { region } = sealed;

    const path = "/proc/" + Deno.pid + "/fd/" + region.handle().fd;
    truncate(path, PAGE);
    assertEquals(region.bytes[3 * PAGE], 0);
    truncate(path, 4 * PAGE);
    region.repair();
    region.check();
    assertEquals(region.bytes.subarray(0, PAGE), pattern(PAGE));
    assertWritable(sealed, 4 * PAGE);
  },

  leaveWhatOthersSealed(): void {
    const { region, reader } = makeSealed({});

    region.protect("read", { byteOffset: PAGE, byteLength: 2 * PAGE });
    region.bytes[PAGE] = 250;
    sealOthers(region);
    const expected = pattern(4 * PAGE);
    expected[PAGE] = 250;
    for (const call of [() => region.repair(), () => region.resize(9 * PAGE)]) {
      const { code, syscall } = assertThrows(call, Deno.errors.PermissionDenied);
      assertEquals([code, syscall], ["EPERM", "mmap"]);
      assertEquals(region.bytes, expected);
      assertFault(() => region.check(), "", PAGE, 1);
    }
    region.bytes[0] = 77; // still the object's
    assertEquals(reader.bytes[0], 77);
  },

  async leaveNoMapping(): Promise<void> {
    MmapRegion.anonymous(1).close(); // loads what is loaded once
    const before = Deno.build.os === "windows" ? viewCount() : 0;
    const maps = (): number =>
      Deno.build.os === "windows"
        ? viewCount() - before // they have no names
        : Deno.readTextFileSync("/proc/self/maps").split("memfd:sealed-test").length - 1;
    const region = MmapRegion.anonymous(PAGE, { seal: "write", label: "sealed-test" });
    assert(maps() > 0);
    region.close();
    assertEquals(maps(), 0);
    (() => MmapRegion.anonymous(PAGE, { seal: "write", label: "sealed-test" }).byteLength)();
    for (let turn = 0; turn < 100 && maps() > 0; turn++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve));
    }
    // The addresses of what was forgotten stay taken, by zeros.
    assertEquals(maps(), 0);
  },

  resizeStolen(options: AnonymousOptions, byOthers: boolean): void {
    const { region } = makeSealed(options);
    if (byOthers) sealOthers(region);

    region.protect("read");
    const stolen = new Uint8Array(region.buffer.transfer());
    stolen[7] = 250;
    for (const byteLength of [9 * PAGE, PAGE]) {
      assertThrows(() => region.resize(byteLength), TypeError, "transferred");
      assertEquals([stolen[7], region.byteLength, region.faults], [250, 4 * PAGE, 1]);
      assertFault(() => region.check(), "", 7, 1); // nothing was healed, as nothing was done
    }
  },
});
