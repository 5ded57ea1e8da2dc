/** Stray writes to a device. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { act } from "../_act.ts";
import { assertFault } from "../_fault_child.ts";
import { pattern, ZERO_DEVICE } from "../_files.ts";
import { PAGE } from "../_pages.ts";

await act({
  writeToZero(protection: "none" | "read"): void {
    using region = MmapRegion.open(ZERO_DEVICE, { access: "read-write", byteLength: 4 * PAGE });
    const { bytes } = region;
    bytes.set(pattern(4 * PAGE));
    region.protect(protection);
    bytes[PAGE + 5] = 250;
    assertEquals(region.faults, 1);
    const expected = pattern(4 * PAGE);
    expected[PAGE + 5] = 250;
    assertEquals(bytes.subarray(PAGE, 2 * PAGE), expected.subarray(PAGE, 2 * PAGE));
    assertFault(() => region.check(), ZERO_DEVICE, PAGE + 5, 1);
    region.repair();
    region.check();
    assertEquals(bytes, expected);
    bytes[3 * PAGE] = 7; // its own access again
    assertEquals(region.faults, 1);
    region.refresh();
    region.discard({ byteOffset: 1, byteLength: PAGE });
    expected.fill(0, 1, PAGE + 1)[3 * PAGE] = 7;
    assertEquals(bytes, expected);
  },

  writeToReadOnlyZero(): void {
    using region = MmapRegion.open(ZERO_DEVICE, { byteLength: 2 * PAGE });
    region.bytes[5] = 1;
    assertFault(() => region.check(), ZERO_DEVICE, 5, 1);
    region.repair();
    region.check();
    assertEquals(region.bytes, new Uint8Array(2 * PAGE));
  },
});
