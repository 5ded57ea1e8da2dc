/** `MmapRegion.anonymous`: its kinds of memory, and what each option does to them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AnonymousOptions, MmapRegion } from "@mmap/mmap";
import { holdings, linux, proc } from "../_capabilities.ts";
import { assertThrowsSystem, thrownBy } from "../_errors.ts";
import { lockedPages } from "../_locked_pages.ts";
import { PAGE } from "../_pages.ts";
import { mappingAt, type MappingReport, mapsOf } from "../_process.ts";
import { addressOfRegion } from "../_regions.ts";

const SHARINGS = ["shared", "private"] as const;

function reportOf(region: MmapRegion): MappingReport {
  return mappingAt(addressOfRegion(region));
}

/** A label that no other test uses. */
function uniqueLabel(): string {
  return `mmap-test-${crypto.randomUUID()}`;
}

for (const sharing of SHARINGS) {
  for (const byteLength of [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 7]) {
    Deno.test(`MmapRegion.anonymous() gives ${byteLength} ${sharing} zeros`, () => {
      using region = MmapRegion.anonymous(byteLength, { sharing });
      assertEquals(region.bytes, new Uint8Array(byteLength));
      region.bytes.fill(255);
      assertEquals(region.bytes[byteLength - 1], 255);
    });
  }

  Deno.test(`MmapRegion.anonymous() gives 1 TiB of ${sharing} memory`, () => {
    using region = MmapRegion.anonymous(2 ** 40, { sharing, reserve: false });
    assertEquals(region.byteLength, 2 ** 40);
    for (const at of [0, 2 ** 31, 2 ** 32, 2 ** 40 - 1]) {
      assertEquals(region.bytes[at], 0);
      region.bytes[at] = 7;
    }
    assertEquals([region.bytes[2 ** 31], region.bytes[2 ** 40 - 1]], [7, 7]);
    assertEquals(region.bytes.indexOf(7, 2 ** 40 - PAGE), 2 ** 40 - 1);
  });

  Deno.test(`MmapRegion.anonymous() of ${sharing} memory throws ENOMEM for too much`, () => {
    const label = uniqueLabel();
    for (const byteLength of [2 ** 48, 2 ** 50, Number.MAX_SAFE_INTEGER]) {
      assertThrowsSystem(
        () => MmapRegion.anonymous(byteLength, { sharing, label, reserve: false }),
        Error,
        "ENOMEM",
        "mmap",
      );
    }
    if (!proc.ignore) assertEquals(mapsOf(label), []);
  });

  Deno.test(`MmapRegion.anonymous() with populate faults ${sharing} memory in`, () => {
    using region = MmapRegion.anonymous(5 * PAGE, { sharing, populate: true });
    assertEquals(region.residency().residentPages, 5);
    using lazy = MmapRegion.anonymous(5 * PAGE, { sharing });
    assertEquals(lazy.residency().residentPages, 0);
  });

  Deno.test(`MmapRegion.anonymous() with lock keeps ${sharing} memory in place`, holdings, () => {
    using locked = lockedPages();
    using region = MmapRegion.anonymous(5 * PAGE, { sharing, lock: true });
    assertEquals(locked.of(region), Array(5).fill(true));
    if (!proc.ignore) assertEquals(reportOf(region).sizes["Rss"], 5 * PAGE);
  });

  Deno.test(`MmapRegion.anonymous() with hugePages works on ${sharing} memory`, () => {
    using region = MmapRegion.anonymous(2 ** 22, { sharing, hugePages: true });
    region.bytes[2 ** 22 - 1] = 1;
    assertEquals(region.bytes.indexOf(1), 2 ** 22 - 1);
  });
}

Deno.test("MmapRegion.anonymous() is shared and can be attached to by default", () => {
  using region = MmapRegion.anonymous(100);
  const { kind, access, sharing, byteOffset } = region;
  assertEquals([kind, access, sharing, byteOffset], ["anonymous", "read-write", "shared", 0]);
  using other = MmapRegion.attach(region.handle());
  region.bytes[99] = 1;
  assertEquals(other.bytes[99], 1);
});

Deno.test("MmapRegion.anonymous() with sharing private cannot be handed on", () => {
  using region = MmapRegion.anonymous(100, { sharing: "private" });
  assertEquals([region.kind, region.sharing], ["anonymous", "private"]);
  assertThrows(() => region.handle(), Deno.errors.NotSupported, "private memory");
  assertThrows(() => region.env(), Deno.errors.NotSupported, "private memory");
});

Deno.test("MmapRegion.anonymous() with reserve false reserves no swap space", proc, () => {
  using region = MmapRegion.anonymous(PAGE, { sharing: "private", reserve: false });
  using plain = MmapRegion.anonymous(PAGE, { sharing: "private" });
  const heeded = Deno.readTextFileSync("/proc/sys/vm/overcommit_memory").trim() !== "2";
  assertEquals(reportOf(region).flags.includes("nr"), heeded);
  assertEquals(reportOf(plain).flags.includes("nr"), false);
});

Deno.test("MmapRegion.anonymous() shows the label of shared memory", linux, () => {
  const suffixes = ["", " with spaces (and signs) [x]", "-ünïcödé-日本", "/slash"];
  for (const label of suffixes.map((suffix) => uniqueLabel() + suffix)) {
    {
      using region = MmapRegion.anonymous(PAGE, { label });
      assertEquals(reportOf(region).name, `/memfd:${label} (deleted)`);
      assertEquals(mapsOf(label).length, 1);
    }
    assertEquals(mapsOf(label), []);
  }
});

Deno.test(
  "MmapRegion.anonymous() shows the label of private memory where Linux can",
  linux,
  () => {
    const label = uniqueLabel();
    using region = MmapRegion.anonymous(2 * PAGE, { sharing: "private", label });
    const expected = canNameMemory() ? `[anon:${label}]` : "";
    assertEquals(reportOf(region).name, expected);
    region.resize(PAGE);
    assertEquals(reportOf(region).name, expected);
    region.resize(10 * PAGE);
    assertEquals(reportOf(region).name, expected);
  },
);

/** Whether prctl(PR_SET_VMA) is there (CONFIG_ANON_VMA_NAME): it refuses this in another way. */
function canNameMemory(): boolean {
  const libc = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  });
  try {
    using region = MmapRegion.anonymous(PAGE, { sharing: "private" });
    const [PR_SET_VMA, PR_SET_VMA_ANON_NAME] = [0x53564d41, 0n];
    return libc.symbols.prctl(
      PR_SET_VMA,
      PR_SET_VMA_ANON_NAME,
      addressOfRegion(region),
      BigInt(PAGE),
      0n,
    ) === 0;
  } finally {
    libc.close();
  }
}

Deno.test("MmapRegion.anonymous() limits the length of a label in bytes", () => {
  for (const [sharing, limit] of [["shared", 249], ["private", 79]] as const) {
    using region = MmapRegion.anonymous(1, { sharing, label: "n".repeat(limit) });
    assertEquals(region.byteLength, 1);
    const error = thrownBy(() =>
      MmapRegion.anonymous(1, { sharing, label: "n".repeat(limit + 1) })
    ) as Error;
    assertEquals([error.constructor, error.message.includes(String(limit))], [RangeError, true]);
  }
  assertThrows(() => MmapRegion.anonymous(1, { label: "ü".repeat(125) }), RangeError);
});

Deno.test("MmapRegion.anonymous() refuses labels that C or the kernel cannot take", () => {
  for (const sharing of SHARINGS) {
    assertThrows(() => MmapRegion.anonymous(1, { sharing, label: "a\0b" }), TypeError, "NUL");
  }
  for (const label of ["ü", "line\n", "back\\slash", "`", "$x", "[", "]", "\x7f"]) {
    const options: AnonymousOptions = { sharing: "private", label };
    assertThrows(() => MmapRegion.anonymous(1, options), RangeError, "printable ASCII");
  }
});

Deno.test("MmapRegion.anonymous() gives each call memory of its own", () => {
  for (const sharing of SHARINGS) {
    using one = MmapRegion.anonymous(PAGE, { sharing, label: "same" });
    using two = MmapRegion.anonymous(PAGE, { sharing, label: "same" });
    one.bytes.fill(1);
    assert(two.bytes.every((byte) => byte === 0));
  }
});
