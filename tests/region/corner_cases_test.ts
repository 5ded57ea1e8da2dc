/** Where features meet that rarely do; each of these was found by `deno task fuzz`. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type Advice, MmapRegion, type Protection } from "@mmap/mmap";
import { seal } from "../../src/os/linux/objects.ts";
import type { OpenObject } from "../../src/os/system.ts";
import { guard, linux, sharedBuffers, usage } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, onBothFileSystems } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { withLibc } from "../_libc.ts";
import { makeGate, withSystem } from "../_fake_system.ts";

/** A region that ends inside a page, and addresses held behind it. */
function reserved(): MmapRegion {
  return MmapRegion.anonymous(PAGE + 50, { resizable: true, reserve: 8 * PAGE });
}

Deno.test("MmapRegion.protect() takes the end of a region with `reserve` for a page boundary", () => {
  using region = reserved();
  region.protect("read");
  region.protect("read", { byteOffset: PAGE, byteLength: 50 });
  assertThrows(() => region.protect("read", { byteOffset: PAGE, byteLength: 49 }), RangeError);
});

Deno.test({
  name: "MmapRegion.resize() within `reserve` gives every page the region's own access again",
  fn(): void {
    using region = reserved();
    region.protect("none");
    region.resize(2 * PAGE);
    region.bytes.fill(7);
    assertEquals(region.faults, 0);
    region.check();
  },
});

onBothFileSystems("MmapRegion.resize() heals the shared buffer too", (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  const bytes = new Uint8Array(region.sharedBuffer());
  Deno.truncateSync(path, PAGE);
  bytes[2 * PAGE] = 1; // absorbed
  assertEquals(region.faults, 1);
  region.resize(3 * PAGE);
  region.check();
  region.bytes[2 * PAGE] = 9;
  assertEquals(bytes[2 * PAGE], 9);
}, guard);

Deno.test({
  name: "MmapRegion.close() removes the name at once, also while a flush is under way",
  async fn(): Promise<void> {
    const name = `test-${crypto.randomUUID().slice(0, 18)}`;
    const gate = makeGate();
    await withSystem(gate.flushing, async () => {
      const region = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
      // What it shows after the end: zeros, or nothing.
      const [buffer, after] = sharedBuffers.ignore
        ? [region.buffer, undefined]
        : [region.sharedBuffer(), 0];
      const bytes = new Uint8Array(buffer);
      bytes[0] = 7;
      const flushed = region.flush();
      await gate.called;
      region.close();
      assertEquals(bytes[0], after);
      assertThrows(() => MmapRegion.named(name), Deno.errors.NotFound);
      gate.end();
      await flushed;
    });
  },
});

Deno.test({
  name:
    "MmapRegion.resize() within `reserve` leaves the object alone if the region cannot be healed",
  ignore: linux.ignore,
  fn(): void {
    using region = MmapRegion.anonymous(3 * PAGE, {
      resizable: true,
      reserve: 8 * PAGE,
    });
    const { pid, fd } = region.handle();
    seal(fd as OpenObject, { shrink: false, write: true }); // as any process may that attaches for writing
    region.protect("read");
    region.bytes[0] = 7; // absorbed
    const resize = () => region.resize(PAGE);
    assertThrowsSystem(resize, Deno.errors.PermissionDenied, "EPERM", "mmap");
    assertEquals(Deno.statSync(`/proc/${pid}/fd/${fd}`).size, 3 * PAGE);
    assertEquals(region.byteLength, 3 * PAGE);
  },
});

for (const mremap of ["with", "without"]) {
  onBothFileSystems(`MmapRegion.resize() ${mremap} mremap moves whole copied pages`, (dir) => {
    const path = makeFile(dir, new Uint8Array(3 * PAGE).fill(1));
    using region = MmapRegion.open(path, { access: "copy-on-write", byteLength: 10 });
    region.bytes[0] = 2; // the page is this region's own now
    using file = Deno.openSync(path, { write: true }); // without truncating it
    file.writeSync(new Uint8Array(3 * PAGE).fill(3));
    const grow = () => region.resize(2 * PAGE);
    if (mremap === "with") grow();
    else withLibc({ mremap: null }, grow);
    const { bytes } = region;
    assertEquals([bytes[0], bytes[9], bytes[10], bytes[PAGE]], [2, 1, 1, 3]);
  });
}

/** Text that is another one, and does something, each time that it is looked at. */
function changing(looked: () => void, ...texts: string[]): string {
  const toString = (): string => {
    looked();
    return texts.shift() ?? "";
  };
  return { toString } as unknown as string;
}

Deno.test("MmapRegion.protect() and advise() take nothing but text, and run none of its code", () => {
  using region = MmapRegion.anonymous(PAGE);
  let looks = 0;
  const count = (): void => void looks++;
  const protection = changing(count, "read", "none") as Protection;
  const advice = changing(count, "normal", "dont-need") as Advice;
  assertThrows(() => region.protect(protection), TypeError, "received object");
  assertThrows(() => region.advise(advice), TypeError, "received object");
  assertEquals(looks, 0);
});

const SYMBOL = Symbol("odd") as never;
const WITH_SYMBOLS: Record<string, (region: MmapRegion) => unknown> = {
  "advice": (region) => region.advise(SYMBOL),
  "a protection": (region) => region.protect(SYMBOL),
  "a durability": (region) => region.flushSync({ durability: SYMBOL }),
  "a range": (region) => region.discard(SYMBOL),
  "options": () => MmapRegion.anonymous(1, SYMBOL),
  "an option": () => MmapRegion.anonymous(1, { sharing: SYMBOL }),
  "a handle": () => MmapRegion.attach(SYMBOL),
  "a part of a handle": (region) => MmapRegion.attach({ ...region.handle(), pid: SYMBOL }),
};

for (const [what, call] of Object.entries(WITH_SYMBOLS)) {
  Deno.test(`MmapRegion tells of a symbol as ${what}`, () => {
    using region = MmapRegion.anonymous(PAGE);
    const { message } = assertThrows(() => call(region), TypeError);
    assertMatch(message, /^Cannot .* received symbol$/);
  });
}

Deno.test({
  name: "MmapRegion.stats() never tells more than the region's size",
  ignore: usage.ignore,
  fn(): void {
    // The kernel makes one mapping of neighbours.
    const regions = Array.from(
      { length: 8 },
      () => MmapRegion.anonymous(PAGE, { sharing: "private", populate: true }),
    );
    for (const region of regions) {
      for (const bytes of Object.values(region.stats())) assert(bytes <= PAGE, `${bytes}`);
    }
    for (const region of regions) region.close();
  },
});
