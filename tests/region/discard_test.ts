/** Zeroing exactly the bytes named, and giving back what they took. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ByteRange, MmapRegion } from "@mmap/mmap";
import { libSystem } from "../../ffi/darwin.ts";
import { factOf } from "../../ffi/platform.ts";
import type { DarwinLibc, Libc } from "../../ffi/symbols.ts";
import { notOnMac } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, ZERO_DEVICE } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { fileOf, KINDS, ODD_OFFSET } from "../_regions.ts";
import { withLibc } from "../_libc.ts";

const LENGTH = 5 * PAGE + 77;

/** Ranges that begin and end at, before and behind page boundaries, of a page and inside one. */
const RANGES: (Required<ByteRange>)[] = [
  [0, LENGTH],
  [0, 1],
  [1, 1],
  [PAGE - 1, 2],
  [PAGE, PAGE],
  [PAGE + 1, PAGE - 1],
  [PAGE - 1, PAGE + 2],
  [17, 3 * PAGE],
  [2 * PAGE, LENGTH - 2 * PAGE],
  [5 * PAGE, 77],
  [5 * PAGE - 1, 78],
  [LENGTH - 1, 1],
].map(([byteOffset, byteLength]) => ({ byteOffset: byteOffset!, byteLength: byteLength! }));

/** Fills, discards and compares for every range. */
function discardExactly(region: MmapRegion): void {
  const full = pattern(LENGTH).map((byte) => byte | 1); // no zeros
  for (const range of RANGES) {
    const { byteOffset, byteLength } = range;
    region.bytes.set(full);
    region.discard(range);
    const expected = full.slice().fill(0, byteOffset, byteOffset + byteLength);
    assertEquals(region.bytes, expected, `discarded ${byteLength} bytes from ${byteOffset} on`);
  }
}

for (const { name, make } of KINDS) {
  onBothFileSystems(`MmapRegion.discard() of ${name} zeroes exactly its range`, (dir) => {
    using region = make(dir, LENGTH);
    discardExactly(region);
  });

  onBothFileSystems(`MmapRegion.discard() of ${name} zeroes locked pages, too`, (dir) => {
    using region = make(dir, LENGTH);
    region.lock();
    discardExactly(region);
  });

  onBothFileSystems(`MmapRegion.discard() of ${name} zeroes all of it without a range`, (dir) => {
    using region = make(dir, LENGTH);
    region.bytes.fill(9);
    region.discard();
    assertEquals(region.bytes, new Uint8Array(LENGTH));
  });

  onBothFileSystems(
    `MmapRegion.discard() of ${name} works without fallocate and process_vm`,
    (dir) =>
      withLibc({ fallocate: null, process_vm_writev: null }, () => {
        using region = make(dir, LENGTH);
        discardExactly(region);
      }),
  );
}

onBothFileSystems("MmapRegion.discard() of a window leaves the rest of the file alone", (dir) => {
  const path = makeFile(dir, 8 * PAGE);
  using region = MmapRegion.open(path, {
    access: "read-write",
    byteOffset: ODD_OFFSET,
    byteLength: 3 * PAGE,
  });
  region.discard();
  const expected = pattern(8 * PAGE).fill(0, ODD_OFFSET, ODD_OFFSET + 3 * PAGE);
  assertEquals(Deno.readFileSync(path), expected);
});

onBothFileSystems(
  "MmapRegion.discard() gives the blocks of a file back and keeps its size",
  (dir) => {
    using region = KINDS[0]!.make(dir, 64 * PAGE);
    region.bytes.fill(9);
    region.flushSync({ durability: "disk" }); // only then has every file system counted the blocks
    const before = Deno.statSync(fileOf(dir));
    region.discard({ byteOffset: 10, byteLength: 60 * PAGE });
    region.flushSync({ durability: "disk" });
    const after = Deno.statSync(fileOf(dir));
    assertEquals(after.size, before.size);
    assert(
      before.blocks! - after.blocks! >= 59 * PAGE / 512,
      `${before.blocks} blocks before, ${after.blocks} after`,
    );
    assertEquals(Deno.readFileSync(fileOf(dir)), region.bytes);
  },
);

onBothFileSystems("MmapRegion.discard() of a copy-on-write region leaves the file alone", (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using region = MmapRegion.open(path, { access: "copy-on-write" });
  region.discard({ byteOffset: 1 });
  assertEquals(region.bytes, pattern(3 * PAGE).fill(0, 1));
  assertEquals(Deno.readFileSync(path), pattern(3 * PAGE));
});

onBothFileSystems("MmapRegion.discard() throws PermissionDenied for a read-only region", (dir) => {
  const path = makeFile(dir, PAGE);
  using region = MmapRegion.open(path);
  assertThrows(
    () => region.discard(),
    Deno.errors.PermissionDenied,
    'Cannot discard: the region has access "read"',
  );
  assertEquals(Deno.readFileSync(path), pattern(PAGE));
});

Deno.test(
  'MmapRegion.discard() zeroes memory that is sealed by seal: "write" for all others',
  notOnMac,
  () => {
    using region = MmapRegion.anonymous(LENGTH, { seal: "write" });
    discardExactly(region);
  },
);

Deno.test({
  name: "MmapRegion.discard() zeroes a mapping of a device",
  fn(): void {
    using region = MmapRegion.open(ZERO_DEVICE, { access: "read-write", byteLength: LENGTH });
    discardExactly(region);
  },
});

/** Runs `body` while no hole can be made. @param closed as of a descriptor that is not open */
function withoutHoles(closed: boolean, body: () => void): Promise<void> {
  const { fallocate, fcntlBuffer } = libSystem();
  const PUNCHHOLE = 99;
  // What no file system knows is refused as it is by those that have no holes.
  const unknown = new Uint8Array(24).fill(0xff);
  const calls = factOf<Partial<Libc & DarwinLibc>>({
    linux: {
      fallocate: (fd, mode, offset, length) =>
        closed ? fallocate!(-1, mode, offset, length) : fallocate!(fd, 0x40000000, offset, length),
    },
    darwin: {
      fcntlBuffer: (fd, command, bytes) =>
        command !== PUNCHHOLE
          ? fcntlBuffer(fd, command, bytes)
          : fcntlBuffer(closed ? -1 : fd, command, unknown),
    },
  });
  return withLibc(calls, body);
}

onBothFileSystems(
  "MmapRegion.discard() zeroes where the file system has no holes",
  (dir) =>
    withoutHoles(false, () => {
      using region = KINDS[0]!.make(dir, LENGTH);
      discardExactly(region);
    }),
);

onBothFileSystems(
  "MmapRegion.discard() throws the system error of a hole that fails",
  (dir) =>
    withoutHoles(true, () => {
      using region = KINDS[0]!.make(dir, PAGE);
      region.bytes.fill(9);
      const call = factOf({ linux: "fallocate", darwin: "fcntl" });
      assertThrowsSystem(() => region.discard(), Error, "EBADF", call);
      assertEquals(region.bytes, new Uint8Array(PAGE).fill(9));
    }),
);

Deno.test({
  name: "MmapRegion.discard() throws EFAULT for private memory that is protected against writing",
  fn(): void {
    using region = MmapRegion.anonymous(2 * PAGE, { sharing: "private" });
    region.bytes.fill(9);
    region.protect("read");
    const part = { byteOffset: 1, byteLength: 10 };
    assertThrowsSystem(() => region.discard(part), Error, "EFAULT", "process_vm_writev");
    assertEquals(region.bytes, new Uint8Array(2 * PAGE).fill(9));
  },
});

Deno.test("MmapRegion.discard() throws RangeError for a range that is none", () => {
  using region = MmapRegion.anonymous(PAGE);
  region.bytes.fill(9);
  const ranges = [{ byteOffset: PAGE }, { byteLength: PAGE + 1 }, { byteLength: 0 }];
  for (const range of ranges) assertThrows(() => region.discard(range), RangeError);
  assertEquals(region.bytes, new Uint8Array(PAGE).fill(9));
});
