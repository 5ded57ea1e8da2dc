/** Page arithmetic, on the numbers where it can go wrong. */

import { assert, assertEquals } from "@std/assert";
import { alignDown, alignUp, widen } from "../../src/mapping/pages.ts";

Deno.test("alignDown() and alignUp() go to the multiples around a number", () => {
  const cases: [number, number, number][] = [
    [0, 0, 0],
    [1, 0, 4096],
    [4095, 0, 4096],
    [4096, 4096, 4096],
    [4097, 4096, 8192],
    [2 ** 32 + 1, 2 ** 32, 2 ** 32 + 4096],
    [2 ** 45 - 1, 2 ** 45 - 4096, 2 ** 45],
  ];
  for (const [value, down, up] of cases) {
    assertEquals([alignDown(value, 4096), alignUp(value, 4096)], [down, up], String(value));
  }
  assertEquals([alignDown(70_000, 65_536), alignUp(70_000, 65_536)], [65_536, 131_072]);
});

Deno.test("alignDown() and alignUp() enclose every number with less than a unit", () => {
  for (const unit of [4096, 16_384, 65_536]) {
    for (let value = 0; value < 3 * unit; value += 61) {
      const [down, up] = [alignDown(value, unit), alignUp(value, unit)];
      assert(down % unit === 0 && up % unit === 0);
      assert(down <= value && value - down < unit && up >= value && up - value < unit);
    }
  }
});

Deno.test("widen() covers a span with whole pages and no page more", () => {
  const cases: [number, number, number, number][] = [
    [0, 1, 0, 4096],
    [0, 4096, 0, 4096],
    [1, 4095, 0, 4096],
    [1, 4096, 0, 8192],
    [4095, 2, 0, 8192],
    [4096, 1, 4096, 4096],
    [8191, 1, 4096, 4096],
    [5000, 10_000, 4096, 12_288],
  ];
  for (const [byteOffset, byteLength, start, length] of cases) {
    assertEquals(widen({ byteOffset, byteLength }, 4096), {
      byteOffset: start,
      byteLength: length,
    });
  }
});
