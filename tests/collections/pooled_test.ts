/** Whose memory copies are in. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedMap } from "@mmap/mmap/collections";

const LENGTHS = [0, 1, 4, 31, 32, 100, 256, 257, 1024, 1025, 3000];

function pattern(byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(byteLength).map((_, i) => i * 31 + byteLength);
}

function checkCopies(copies: readonly Uint8Array<ArrayBuffer>[], pooled: boolean): void {
  for (const [i, copy] of copies.entries()) assertEquals(copy, pattern(LENGTHS[i]!));
  const [, one, four] = copies;
  assertEquals(one!.buffer === four!.buffer, pooled);
  assertEquals(copies.at(-1)!.buffer.byteLength, 3000);
  if (!pooled) return assertEquals(one!.buffer.byteLength, 1);
  assertThrows(() => structuredClone(one, { transfer: [one!.buffer] }));
}

for (const pooled of [false, true]) {
  Deno.test(`AppendLog.read() gives copies of buffers of their own, or with pooled: ${pooled}`, async () => {
    const path = await Deno.makeTempFile();
    try {
      using log = AppendLog.open(path, { create: true, pooled });
      const positions = LENGTHS.map((byteLength) => log.append(pattern(byteLength)));
      checkCopies(
        positions.map((position) => log.read(position) as Uint8Array<ArrayBuffer>),
        pooled,
      );
    } finally {
      await Deno.remove(path);
    }
  });

  Deno.test(`SharedMap.get() gives copies of buffers of their own, or with pooled: ${pooled}`, () => {
    using region = MmapRegion.anonymous(1 << 20);
    using map = SharedMap.open(region, { capacity: 20, valueByteLength: 3000, pooled });
    for (const byteLength of LENGTHS) map.set(`${byteLength}`, pattern(byteLength));
    const copies = LENGTHS.map((byteLength) => map.get(`${byteLength}`) as Uint8Array<ArrayBuffer>);
    checkCopies(copies, pooled);
  });
}

Deno.test("AppendLog.open() and SharedMap.open() throw TypeError if pooled is no boolean", () => {
  const pooled = 1 as unknown as boolean;
  using region = MmapRegion.anonymous(1 << 16);
  assertThrows(() => SharedMap.open(region, { pooled }), TypeError, "pooled");
  assertThrows(() => AppendLog.open("/nowhere", { pooled }), TypeError, "pooled");
});
