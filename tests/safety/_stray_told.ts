/** Who is told of forbidden writes, how and when. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type MapOptions, MappingFaultError, MmapRegion } from "@mmap/mmap";
import { act } from "../_act.ts";
import { truncate } from "../_fault_child.ts";
import { makeFile } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const warnings: string[] = [];
console.warn = (text: string): void => void warnings.push(text);

/** The warnings since the last call. */
function told(): string[] {
  return warnings.splice(0);
}

/** Calls what a read-only region refuses. */
function refused(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (error instanceof MappingFaultError) throw error;
  }
}

/** Calls what Windows alone refuses. */
const share = Deno.build.os === "windows" ? refused : (call: () => void): void => call();

const BAG = { byteOffset: 0, byteLength: 1 };

/** Every method that is not `close`, `check` or `flush`: each is where a stray write may be told of. */
const METHODS: Record<string, (region: MmapRegion) => unknown> = {
  view: (region) => region.view(Uint8Array),
  dataView: (region) => region.dataView(),
  tryRead: (region) => region.tryRead(new Uint8Array(1), 0),
  tryWrite: (region) => region.tryWrite(new Uint8Array(1), 0),
  readable: (region) => region.readable(),
  indexOf: (region) => region.indexOf(1),
  lastIndexOf: (region) => region.lastIndexOf(1),
  count: (region) => region.count(1),
  equals: (region) => region.equals(new Uint8Array(1)),
  compare: (region) => region.compare(new Uint8Array(1)),
  lines: (region) => region.lines(),
  split: (region) => region.split(2),
  resize: (region) => refused(() => region.resize(PAGE)),
  refresh: (region) => region.refresh(),
  advise: (region) => region.advise("normal"),
  populateSync: (region) => region.populateSync(BAG),
  protect: (region) => region.protect("read"),
  lockPages: (region) => region.lockPages(BAG),
  unlockPages: (region) => region.unlockPages(BAG),
  lock: (region) => region.lock(BAG),
  unlock: (region) => region.unlock(BAG),
  residency: (region) => region.residency(),
  probe: (region) => region.probe(),
  discard: (region) => refused(() => region.discard()),
  repair: (region) => region.repair(),
  stats: (region) => region.stats(),
  handle: (region) => region.handle(),
  toJSON: (region) => region.toJSON(),
  env: (region) => region.env(),
  sharedBuffer: (region) => share(() => region.sharedBuffer()),
  wasmMemory: (region) => share(() => region.wasmMemory()),
  shareWith: (region) => region.shareWith({}),
};
/** They tell by what they do themselves, or of nothing; see the tests of each. */
const OTHERS = ["close", "check", "flush", "flushSync", "populate", "constructor"];

/** A read-only region with a stray write, and its path. */
function strayed(dir: string, options: MapOptions = {}): { region: MmapRegion; path: string } {
  const path = makeFile(dir, 2 * PAGE, `${crypto.randomUUID()}.bin`);
  const region = MmapRegion.open(path, options);
  region.bytes[5] = 99;
  assertEquals(told(), []);
  return { region, path };
}

function assertTold(path: string): void {
  const [text, ...more] = told();
  assertEquals(more, []);
  assertStringIncludes(text ?? "nothing", `'${path}'`);
  assertStringIncludes(text!, 'access: "read-write"');
}

await act({
  methodsAreComplete(): void {
    const { prototype } = MmapRegion;
    const names = Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([, { value }]) => typeof value === "function").map(([name]) => name);
    assertEquals(names.sort(), [...Object.keys(METHODS), ...OTHERS].sort());
  },

  async warns(dir: string): Promise<void> {
    for (const [name, call] of Object.entries(METHODS)) {
      const { region, path } = strayed(dir);
      call(region);
      assertEquals(warnings.length, 1, name);
      assertTold(path);
      region.repair();
      region.bytes[5] = 98; // once a region
      call(region);
      region.close();
      assertEquals(told(), [], name);
    }
    const { region, path } = strayed(dir);
    await region.populate(BAG);
    assertTold(path);
    region.close();
  },

  async throws(dir: string): Promise<void> {
    for (const [name, call] of Object.entries(METHODS)) {
      const { region, path } = strayed(dir, { onStrayWrite: "throw" });
      const error = assertThrows(() => call(region), MappingFaultError, path, name);
      assertStringIncludes(error.message, 'access: "read-write"');
      assertEquals([error.path, error.byteOffset, error.faults], [path, 5, 1]);
      call(region); // once a region
      region.close();
      assertEquals(told(), [], name);
    }
    const { region } = strayed(dir, { onStrayWrite: "throw" });
    await assertRejects(() => region.populate(BAG), MappingFaultError);
    region.close();
  },

  ignores(dir: string): void {
    for (const call of Object.values(METHODS)) {
      const { region } = strayed(dir, { onStrayWrite: "ignore" });
      call(region);
      region.close();
      assertEquals(told(), []);
    }
    const { region } = strayed(dir, { onStrayWrite: "ignore" });
    assertThrows(() => region.check(), MappingFaultError, 'access: "read-write"');
    region.close();
  },

  /** `close` and dispose never throw. */
  closing(dir: string): void {
    for (const onStrayWrite of ["warn", "throw"] as const) {
      for (const end of ["close", Symbol.dispose] as const) {
        const { region, path } = strayed(dir, { onStrayWrite });
        region[end]();
        assert(region.closed);
        assertTold(path);
        region.close();
        assertThrows(() => region.view(Uint8Array), Deno.errors.BadResource);
        assertEquals(told(), []);
      }
    }
    const { region } = strayed(dir);
    console.warn = () => {
      throw new Error("broken console");
    };
    assertThrows(() => region.close(), Error, "broken console");
    assert(region.closed);
  },

  /** Getters neither tell nor throw; `faults`, `check` and `flush` are told by themselves. */
  async asked(dir: string): Promise<void> {
    for (const onStrayWrite of ["warn", "throw"] as const) {
      const asks: ((region: MmapRegion) => unknown)[] = [
        (region) => assertEquals(region.faults, 1),
        (region) => assertThrows(() => region.check(), MappingFaultError),
        (region) => assertThrows(() => region.flushSync(), MappingFaultError),
        (region) => assertRejects(() => region.flush(), MappingFaultError),
      ];
      for (const ask of asks) {
        const { region } = strayed(dir, { onStrayWrite });
        void [region.buffer, region.bytes, region.kind, region.name, region.byteLength];
        void [region.access, region.sharing, region.closed, region.byteOffset];
        Deno.inspect(region);
        await ask(region);
        region.view(Uint8Array);
        region.close();
        assertEquals(told(), []);
      }
      const { region, path } = strayed(dir, { onStrayWrite: "warn" });
      assertThrows(() => region.flushSync({ byteOffset: -1 }), RangeError); // told of something else
      region.view(Uint8Array);
      assertTold(path);
      region.close();
    }
  },

  /** To have asked before there was a write is not to know of it. */
  askedBefore(dir: string): void {
    const path = makeFile(dir, PAGE);
    const region = MmapRegion.open(path);
    assertEquals(region.faults, 0);
    region.check();
    region.bytes[0] = 1;
    region.close();
    assertTold(path);
  },

  /** A page that the file has lost is something else. */
  lostPages(dir: string): void {
    for (const onStrayWrite of ["warn", "throw"] as const) {
      const path = makeFile(dir, 4 * PAGE, `${onStrayWrite}.bin`);
      for (const access of ["read", "read-write"] as const) {
        truncate(path, 4 * PAGE);
        using region = MmapRegion.open(path, { access, onStrayWrite });
        truncate(path, PAGE);
        assertEquals(region.bytes[2 * PAGE], 0);
        region.view(Uint8Array);
        region.repair();
        region.view(Uint8Array);
        if (access === "read") {
          assertEquals(region.bytes[3 * PAGE], 0);
          region.bytes[0] = 1; // and one of each
          if (onStrayWrite === "throw") {
            assertThrows(() => region.view(Uint8Array), MappingFaultError);
          } else {
            region.view(Uint8Array);
            assertTold(path);
          }
        }
      }
      assertEquals(told(), []);
    }
  },

  /** Every way to a region has the option, but for those that can always be written to. */
  kinds(dir: string): void {
    const name = `mmap_test_${crypto.randomUUID().slice(0, 18)}`;
    using named = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
    using anonymous = MmapRegion.anonymous(PAGE);
    const options = { access: "read", onStrayWrite: "throw" } as const;
    const regions = [
      MmapRegion.named(name, options),
      MmapRegion.attach(named.handle(), options),
      MmapRegion.attach(anonymous.handle(), options),
    ];
    for (const region of regions) {
      region.bytes[0] = 1;
      assertThrows(() => region.view(Uint8Array), MappingFaultError);
      region.close();
    }
    assertThrows(
      () => MmapRegion.named(name, { onStrayWrite: "yes" } as never),
      TypeError,
      '"warn"',
    );
    assertThrows(() => MmapRegion.open(dir, { onStrayWrite: 1 } as never), TypeError, '"throw"');
    assertThrows(
      () => MmapRegion.anonymous(1, { onStrayWrite: "warn" } as never),
      TypeError,
      "no option",
    );
    assertEquals(told(), []);
  },

  /** Where protect() forbids it, the warning does not say that the region is read-only. */
  protected(): void {
    for (const sharing of ["shared", "private"] as const) {
      const region = MmapRegion.anonymous(PAGE, { sharing });
      region.protect("read");
      region.bytes[0] = 1;
      region.close();
      const [text, ...more] = told();
      assertEquals(more, []);
      assertStringIncludes(text!, "protect()");
      assertStringIncludes(text!, sharing === "shared" ? "reached nobody" : "let through");
    }
  },

  /** What a program prints that does not care. */
  prints(dir: string): void {
    console.warn = console.error;
    using region = MmapRegion.open(makeFile(dir, PAGE));
    region.bytes[0] = 1;
  },
});
