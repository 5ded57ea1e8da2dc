/** Memory that is sealed against further writable mappings: healing needs a mapping all the same. */

import { assertLives, ignore } from "../_faults.ts";

/** Runs in a child with a write-sealed region of four pages of the pattern, and a reader of it. */
function livesSealed(name: string, options: string, body: string): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      await assertLives(`
        const { seal } = await import(import.meta.resolve("./src/object/memfd.ts"));
        const sealOthers = (region) => seal(region.handle().fd, { shrink: false, write: true });
        using region = MmapRegion.anonymous(4 * PAGE, ${options});
        using reader = MmapRegion.attach(region.handle(), { access: "read" });
        region.bytes.set(pattern(4 * PAGE));
        function assertWritable(length) {
          region.bytes[length - 1] = 99;
          reader.refresh();
          assertEquals([reader.byteLength, reader.bytes[length - 1]], [length, 99]);
          region.flushSync();
        }
        ${body}`);
    },
  });
}

const SEALED = `{ seal: "write" }`;

for (const protection of ["none", "read"]) {
  livesSealed(
    `MmapRegion.repair() of write-sealed memory gives its creator the data back after protect("${protection}")`,
    SEALED,
    `
    region.protect("${protection}");
    const stray = region.bytes;
    for (let page = 3; page >= 0; page--) stray[page * PAGE + 5] = 250; // none is the object's now
    assertEquals([region.faults, stray[5]], [4, 250]);
    assertEquals(reader.bytes, pattern(4 * PAGE));
    region.repair();
    region.check();
    assertEquals(region.bytes, pattern(4 * PAGE));
    assertWritable(4 * PAGE);`,
  );
}

livesSealed(
  "MmapRegion.repair() of write-sealed memory heals a page in the middle",
  SEALED,
  `
  region.protect("read", { byteOffset: 2 * PAGE, byteLength: PAGE });
  region.bytes[2 * PAGE + 1] = 250;
  region.bytes[3 * PAGE] = 1;
  region.repair();
  const expected = pattern(4 * PAGE);
  expected[3 * PAGE] = 1;
  assertEquals([region.bytes, reader.bytes], [expected, expected]);
  assertWritable(4 * PAGE);`,
);

livesSealed(
  "MmapRegion.resize() of write-sealed memory that was cut off keeps its data",
  SEALED,
  `
  region.protect("read");
  region.bytes[0] = 250;
  region.resize(9 * PAGE); // to other addresses
  region.check();
  assertEquals(region.bytes.subarray(0, 4 * PAGE), pattern(4 * PAGE));
  assertWritable(9 * PAGE);`,
);

livesSealed(
  "MmapRegion.repair() of write-sealed memory heals what was touched behind its end",
  `{ seal: "write", reserve: 8 * PAGE }`,
  `
  new Uint8Array(region.buffer)[5 * PAGE] = 1; // mapped, and no part of the region
  assertThrows(() => region.check(), MappingFaultError);
  region.repair();
  region.check();
  assertEquals(region.bytes, pattern(4 * PAGE));
  region.resize(6 * PAGE);
  assertWritable(6 * PAGE);`,
);

livesSealed(
  "MmapRegion.repair() of write-sealed memory heals it after somebody else has cut it",
  `{ seal: "write", resizable: true }`,
  `
  const path = "/proc/" + Deno.pid + "/fd/" + region.handle().fd;
  truncate(path, PAGE);
  assertEquals(region.bytes[3 * PAGE], 0);
  truncate(path, 4 * PAGE);
  region.repair();
  region.check();
  assertEquals(region.bytes.subarray(0, PAGE), pattern(PAGE));
  assertWritable(4 * PAGE);`,
);

const STOLEN = `
  region.protect("read");
  const stolen = new Uint8Array(region.buffer.transfer());
  stolen[7] = 250;
  for (const byteLength of [9 * PAGE, PAGE]) {
    assertThrows(() => region.resize(byteLength), TypeError, "transferred");
    assertEquals([stolen[7], region.byteLength, region.faults], [250, 4 * PAGE, 1]);
    assertFault(() => region.check(), "", 7, 1); // nothing was healed, as nothing was done
  }`;

livesSealed(
  "MmapRegion.resize() of write-sealed memory throws TypeError if its buffer was transferred",
  `{ seal: "write", resizable: true }`,
  STOLEN,
);

livesSealed(
  "MmapRegion.resize() of memory that others have sealed throws TypeError if its buffer was transferred",
  `{ resizable: true }`,
  `sealOthers(region); ${STOLEN}`,
);

livesSealed(
  "MmapRegion.repair() and resize() of memory that others have sealed leave what stands there",
  "{}",
  `
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
  assertEquals(reader.bytes[0], 77);`,
);

Deno.test(
  "MmapRegion.anonymous() with seal write leaves no mapping behind",
  { ignore },
  async () => {
    await assertLives(
      `
    const maps = () => Deno.readTextFileSync("/proc/self/maps").split("memfd:sealed-test").length - 1;
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
  `,
      { v8Flags: "--expose-gc" },
    );
  },
);
