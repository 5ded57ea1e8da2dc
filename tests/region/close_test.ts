/** The end of a region: its views, its members, its addresses and its descriptor. */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { holdings } from "../_capabilities.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { KINDS } from "../_regions.ts";
import { makeGate, withSystem } from "../_fake_system.ts";

/** Members that tell what a region was and that it is closed. */
const READABLE = [
  "access",
  "byteLength",
  "byteOffset",
  "closed",
  "faults",
  "kind",
  "name",
  "sharing",
  "toJSON",
];
/** Members that close it. */
const CLOSING = ["close"];
/** What methods are called with that want something. */
const ARGUMENTS: Record<string, unknown[]> = {
  view: [Uint8Array],
  advise: ["normal"],
  protect: ["read"],
  resize: [1],
  shareWith: [{}],
  tryRead: [new Uint8Array(1), 0],
  tryWrite: [new Uint8Array(1), 0],
  indexOf: ["x"],
  lastIndexOf: ["x"],
  count: ["x"],
  equals: [new Uint8Array(1)],
  compare: [new Uint8Array(1)],
  split: [2],
};

/** The public members of a region: name, and what it is. */
function membersOf(region: MmapRegion): { name: string; isMethod: boolean }[] {
  const members = [];
  for (
    let level = Object.getPrototypeOf(region);
    level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (name === "constructor") continue;
      members.push({ name, isMethod: typeof value === "function" });
    }
  }
  return members;
}

Deno.test("MmapRegion members throw BadResource after close(), all but those that describe it", async () => {
  const region = MmapRegion.anonymous(PAGE);
  region.close();
  const members = membersOf(region);
  for (const { name, isMethod } of members) {
    if (READABLE.includes(name) || CLOSING.includes(name)) continue;
    const use = async (): Promise<unknown> => {
      // deno-lint-ignore no-explicit-any
      const member = (region as any)[name];
      return isMethod ? await member.apply(region, ARGUMENTS[name] ?? []) : member;
    };
    const error = await assertRejects(use, Deno.errors.BadResource, "", name);
    assert(error.message.endsWith(": the region is closed"), `${name}: ${error.message}`);
  }
  assert(members.length >= 25, `only ${members.length} members`);
});

Deno.test("MmapRegion members that describe a region stay readable after close()", () => {
  for (const sharing of ["shared", "private"] as const) {
    const region = MmapRegion.anonymous(PAGE, { sharing });
    region.close();
    const { kind, access, byteOffset, byteLength, closed, faults } = region;
    assertEquals(
      [kind, access, region.sharing, byteOffset, byteLength, closed, faults],
      ["anonymous", "read-write", sharing, 0, 0, true, 0],
    );
  }
});

for (const { name, make } of KINDS) {
  onBothFileSystems(`MmapRegion.close() of ${name} leaves every view dead`, (dir) => {
    const region = make(dir, 2 * PAGE + 5);
    const { bytes, buffer } = region;
    const words = region.view(Uint8Array, 3);
    const data = region.dataView();
    assertEquals(region.closed, false);
    region.close();
    assertEquals([bytes.length, words.length, buffer.byteLength], [0, 0, 0]);
    assertEquals(bytes[0], undefined);
    assertThrows(() => data.getUint8(0), TypeError);
    assertEquals(region.closed, true);
  });

  onBothFileSystems(`MmapRegion.close() and dispose of ${name} are silent a second time`, (dir) => {
    const region = make(dir, PAGE);
    for (let i = 0; i < 3; i++) {
      region.close();
      region[Symbol.dispose]();
    }
  });
}

Deno.test({
  name: "MmapRegion.close() gives the addresses and the descriptor back",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGE);
      const region = MmapRegion.open(path);
      assertEquals([mapsOf(path).length, descriptorsOf(path).length], [1, 1]);
      region.close();
      assertEquals([mapsOf(path).length, descriptorsOf(path).length], [0, 0]);
    }),
});

Deno.test("MmapRegion is closed at the end of its block, also when the block throws", () => {
  let inside: MmapRegion | undefined;
  assertThrows(
    () => {
      using region = MmapRegion.anonymous(PAGE);
      inside = region;
      throw new RangeError("out of the block");
    },
    RangeError,
    "out of the block",
  );
  assertEquals(inside!.closed, true);
});

for (const pending of ["flush", "populate"] as const) {
  Deno.test({
    name: `MmapRegion.close() during ${pending}() keeps the addresses mapped until that ends`,
    ignore: holdings.ignore,
    fn: () =>
      withTempDir(async (dir) => {
        const path = makeFile(dir, PAGE);
        const gate = makeGate();
        await withSystem(pending === "flush" ? gate.flushing : gate.populating, async () => {
          const region = MmapRegion.open(path, { access: "read-write" });
          const { bytes } = region;
          const ended = region[pending]();
          await gate.called;
          region.close();
          region.close();
          assertEquals([region.closed, bytes.length], [true, 0]);
          assertThrows(() => region.bytes, Deno.errors.BadResource);
          assertEquals([mapsOf(path).length, descriptorsOf(path).length], [1, 1]);
          gate.end();
          await ended;
          assertEquals([mapsOf(path).length, descriptorsOf(path).length], [0, 0]);
        });
      }),
  });
}

Deno.test({
  name: "MmapRegion.close() keeps the descriptor open for an fsync that is under way",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, PAGE);
      const gate = makeGate();
      await withSystem(gate.flushing, async () => {
        const region = MmapRegion.open(path, { access: "read-write" });
        const ended = region.flush({ durability: "disk" });
        await gate.called;
        region.close();
        assertEquals(descriptorsOf(path).length, 1);
        gate.end();
        await ended;
        assertEquals(descriptorsOf(path).length, 0);
      });
    }),
});

Deno.test({
  name: "MmapRegion.close() waits for the last of several calls under way",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, PAGE);
      const first = makeGate();
      const second = makeGate();
      await withSystem(
        { memory: { ...first.flushing.memory, ...second.populating.memory } },
        async () => {
          const region = MmapRegion.open(path, { access: "read-write" });
          const ended = [region.flush(), region.populate()];
          await Promise.all([first.called, second.called]);
          region.close();
          first.end();
          await ended[0];
          assertEquals(mapsOf(path).length, 1);
          second.end();
          await ended[1];
          assertEquals(mapsOf(path).length, 0);
        },
      );
    }),
});

Deno.test({
  name: "MmapRegion.close() gives the addresses back after a call under way that fails",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, PAGE);
      const gate = makeGate();
      const failure = new Error("the disk has failed");
      const flush = (): void => {}; // which succeeds again: the system reports a failed write once
      await withSystem({ memory: { ...gate.flushing.memory, flush } }, async () => {
        const region = MmapRegion.open(path, { access: "read-write" });
        const ended = region.flush();
        await gate.called;
        region.close();
        gate.end(failure);
        assertStrictEquals(await ended.catch((error) => error), failure);
        assertEquals([mapsOf(path).length, descriptorsOf(path).length], [0, 0]);
      });
    }),
});

/** Calls that read a range, whose getters may do anything. */
const READERS: Record<string, (region: MmapRegion, options: never) => unknown> = {
  flushSync: (region, options) => region.flushSync(options),
  flush: (region, options) => region.flush(options),
  advise: (region, options) => region.advise("dont-need", options),
  populateSync: (region, options) => region.populateSync(options),
  populate: (region, options) => region.populate(options),
  protect: (region, options) => region.protect("none", options),
  lock: (region, options) => region.lock(options),
  unlock: (region, options) => region.unlock(options),
  residency: (region, options) => region.residency(options),
  probe: (region, options) => region.probe(options),
  discard: (region, options) => region.discard(options),
};

for (const [name, call] of Object.entries(READERS)) {
  Deno.test(`MmapRegion.${name}() throws BadResource if reading its range closes the region`, async () => {
    for (const key of ["byteOffset", "byteLength"]) {
      const region = MmapRegion.anonymous(4 * PAGE);
      const options = {
        get [key](): number {
          region.close();
          return PAGE;
        },
      };
      // deno-lint-ignore require-await -- so that all reject
      const use = async (): Promise<unknown> => call(region, options as never);
      await assertRejects(use, Deno.errors.BadResource, "the region is closed");
    }
  });

  Deno.test(`MmapRegion.${name}() keeps to the region if reading its range shrinks it`, async () => {
    using region = MmapRegion.anonymous(4 * PAGE, { resizable: true });
    const options = {
      byteLength: PAGE,
      get byteOffset(): number {
        region.resize(PAGE);
        return 2 * PAGE;
      },
    };
    // deno-lint-ignore require-await -- so that all reject
    const use = async (): Promise<unknown> => call(region, options as never);
    await assertRejects(use, RangeError, `must lie within ${PAGE} bytes`);
  });
}

Deno.test("MmapRegion.flush() throws BadResource if reading the durability closes the region", async () => {
  for (const way of ["flush", "flushSync"] as const) {
    const region = MmapRegion.anonymous(PAGE);
    const options = {
      get durability(): "disk" {
        region.close();
        return "disk";
      },
    };
    const use = async (): Promise<unknown> => await region[way](options);
    await assertRejects(use, Deno.errors.BadResource);
  }
});

Deno.test("MmapRegion.view() throws BadResource if its constructor's size closes the region", () => {
  const region = MmapRegion.anonymous(PAGE);
  class Closing extends Uint8Array {
    static override get BYTES_PER_ELEMENT(): 1 {
      region.close();
      return 1;
    }
  }
  assertThrows(() => region.view(Closing), Deno.errors.BadResource);
});

Deno.test("MmapRegion.view() gives no memory to a constructor that closes the region", () => {
  const region = MmapRegion.anonymous(PAGE);
  class Closing extends Uint8Array {
    constructor(buffer: ArrayBuffer, byteOffset: number, length: number) {
      region.close();
      super(buffer, byteOffset, length);
    }
  }
  assertThrows(() => region.view(Closing as never), TypeError, "detached");
});

onBothFileSystems("MmapRegion.close() leaves what was written in the file", (dir) => {
  const path = makeFile(dir, 2 * PAGE);
  const region = MmapRegion.open(path, { access: "read-write" });
  region.bytes[PAGE] = 0xaa;
  region.close();
  assertEquals(Deno.readFileSync(path), pattern(2 * PAGE).fill(0xaa, PAGE, PAGE + 1));
});
