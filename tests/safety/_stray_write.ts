/** Writes that are forbidden, and reads of what is protected. */

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { act } from "../_act.ts";
import { assertFault, truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";

interface Shared {
  readonly region: MmapRegion;
  /** What others see. */
  truth(): Uint8Array;
  /** The path that errors tell. */
  readonly told: string;
}

/** Each way to a region of four pages of the pattern. */
const SHARED: Record<string, (dir: string) => Shared> = {
  "a file"(dir): Shared {
    const path = makeFile(dir, 4 * PAGE);
    const region = MmapRegion.open(path, { access: "read-write" });
    return { region, truth: () => Deno.readFileSync(path), told: path };
  },
  "a file from an odd byte on"(dir): Shared {
    const path = makeFile(dir, Uint8Array.from([...new Uint8Array(PAGE), ...pattern(4 * PAGE)]));
    const region = MmapRegion.open(path, { access: "read-write", byteOffset: PAGE });
    return { region, truth: () => Deno.readFileSync(path).subarray(PAGE), told: path };
  },
  "anonymous shared memory"(): Shared {
    const region = MmapRegion.anonymous(4 * PAGE);
    const other = MmapRegion.attach(region.handle(), { access: "read" });
    return { region, truth: () => other.bytes.slice(), told: "" };
  },
  "named memory"(): Shared {
    const name = `mmap_test_${crypto.randomUUID().slice(0, 18)}`; // macOS has 30 bytes for it
    const region = MmapRegion.named(name, { createNew: true, byteLength: 4 * PAGE });
    const other = MmapRegion.named(name, { access: "read" });
    return { region, truth: () => other.bytes.slice(), told: name };
  },
};

const PRIVATE: Record<string, (dir: string) => MmapRegion> = {
  "anonymous private memory": () => MmapRegion.anonymous(4 * PAGE, { sharing: "private" }),
  "copy-on-write memory": (dir) =>
    MmapRegion.open(makeFile(dir, 4 * PAGE), { access: "copy-on-write" }),
};

await act({
  async absorbWrites(dir: string, kind: string, protection: "none" | "read"): Promise<void> {
    const { region, truth, told } = SHARED[kind]!(dir);
    using _ = region;
    const { bytes } = region;
    bytes.set(pattern(4 * PAGE));
    region.protect(protection, { byteOffset: PAGE, byteLength: 2 * PAGE });
    bytes[PAGE + 5] = 250;
    assertEquals([region.faults, bytes[PAGE + 5]], [1, 250]);
    bytes[PAGE + 6] = 251; // on the same private page
    assertEquals(region.faults, 1);
    bytes.fill(252, 3 * PAGE - 2, 3 * PAGE + 2); // across the border: the last page is writable
    assertEquals(region.faults, 2);
    const expected = pattern(4 * PAGE);
    expected.fill(252, 3 * PAGE, 3 * PAGE + 2);
    assertEquals(truth(), expected);
    // What the rest of the page held stays.
    assertEquals(bytes.subarray(PAGE + 7, 3 * PAGE - 2), expected.subarray(PAGE + 7, 3 * PAGE - 2));
    assertFault(() => region.check(), told, PAGE + 5, 2);
    assertFault(() => region.flushSync(), told, PAGE + 5, 2);
    await assertRejects(() => region.flush(), MappingFaultError);
    region.repair();
    region.check();
    region.flushSync();
    assertEquals(bytes, expected);
    bytes[PAGE + 5] = 99; // the region's own access again
    assertEquals([truth()[PAGE + 5], region.faults], [99, 2]);
  },

  absorbWritesToReadOnly(dir: string): void {
    const path = makeFile(dir, 4 * PAGE);
    using region = MmapRegion.open(path);
    const { bytes } = region;
    Atomics.add(region.view(Int32Array, 2 * PAGE), 0, 1);
    bytes.fill(7, 100, 200);
    assertEquals(region.faults, 2);
    assertEquals(bytes.subarray(200, 2 * PAGE), pattern(4 * PAGE).subarray(200, 2 * PAGE));
    assertFault(() => region.check(), path, 2 * PAGE, 2);
    assertFault(() => region.flushSync(), path, 2 * PAGE, 2);
    assertEquals(Deno.readFileSync(path), pattern(4 * PAGE));
    region.repair();
    assertEquals(bytes, pattern(4 * PAGE));
    bytes[0] = 255; // still read-only
    assertEquals([region.faults, Deno.readFileSync(path)[0]], [3, pattern(1)[0]]);
  },

  absorbWritesOfReaders(_dir: string, isSealed: boolean): void {
    using region = MmapRegion.anonymous(PAGE, isSealed ? { seal: "write" } : {});
    using reader = MmapRegion.attach(region.handle(), isSealed ? {} : { access: "read" });
    reader.bytes[0] = 5;
    assertEquals([reader.bytes[0], region.bytes[0], reader.faults, region.faults], [5, 0, 1, 0]);
    assertFault(() => reader.check(), "", 0, 1);
    region.check();
  },

  absorbWritesToPrivate(dir: string, kind: string, protection: "none" | "read"): void {
    using region = PRIVATE[kind]!(dir);
    const { bytes } = region;
    bytes.set(pattern(4 * PAGE, 9));
    region.protect(protection, { byteOffset: PAGE, byteLength: PAGE });
    bytes[PAGE + 5] = 250;
    assertEquals([region.faults, bytes[PAGE + 5]], [1, 250]);
    const told = region.kind === "file" ? join(dir, "data.bin") : "";
    assertFault(() => region.check(), told, PAGE + 5, 1);
    assertFault(() => region.flushSync(), told, PAGE + 5, 1);
    region.repair();
    region.check();
    // Private memory has no other truth than itself: the write stays, and nothing else is lost.
    const expected = pattern(4 * PAGE, 9);
    expected[PAGE + 5] = 250;
    assertEquals(bytes, expected);
    if (told !== "") assertEquals(Deno.readFileSync(told), pattern(4 * PAGE));
  },

  absorbReads(dir: string): void {
    const path = makeFile(dir, 4 * PAGE);
    for (const access of ["read", "read-write", "copy-on-write"] as const) {
      using region = MmapRegion.open(path, { access });
      region.protect("none");
      assertEquals(region.bytes, pattern(4 * PAGE));
      assertEquals(region.faults, 4);
      assertFault(() => region.check(), path, 0, 4);
      region.repair();
      region.check();
    }
    using nowhere = MmapRegion.open(path, { access: "read-write" });
    nowhere.protect("none");
    truncate(path, PAGE); // a page that is both protected and missing
    assertEquals(nowhere.bytes[2 * PAGE], 0);
    nowhere.bytes[3 * PAGE] = 1;
    assertEquals([Deno.statSync(path).size, nowhere.bytes[3 * PAGE]], [PAGE, 1]);
  },
});
