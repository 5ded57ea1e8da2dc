/** What a person sees of a region. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { makeFile, withTempDir, ZERO_DEVICE } from "../_files.ts";
import { PAGE } from "../_pages.ts";

Deno.test("Deno.inspect() of a MmapRegion shows what it is, open and closed", () => {
  const region = MmapRegion.anonymous(100);
  assertEquals(
    Deno.inspect(region, { breakLength: Infinity, colors: false }),
    'MmapRegion { kind: "anonymous", access: "read-write", sharing: "shared", byteLength: 100, ' +
      "closed: false }",
  );
  region.close();
  assertEquals(
    Deno.inspect(region, { breakLength: Infinity, colors: false }),
    'MmapRegion { kind: "anonymous", access: "read-write", sharing: "shared", byteLength: 0, ' +
      "closed: true }",
  );
});

Deno.test("Deno.inspect() of a MmapRegion of a file shows its access", () =>
  withTempDir((dir) => {
    using region = MmapRegion.open(makeFile(dir, PAGE), { access: "copy-on-write" });
    assertMatch(
      Deno.inspect(region, { breakLength: Infinity, colors: false }),
      /^MmapRegion \{ kind: "file", access: "copy-on-write", sharing: "private", /,
    );
  }));

Deno.test("Deno.inspect() of a MmapRegion takes the options along", () => {
  using region = MmapRegion.anonymous(1);
  assertStringIncludes(Deno.inspect(region, { colors: true }), '\x1b[32m"anonymous"\x1b[39m');
  assertMatch(Deno.inspect(region, { compact: false }), /^MmapRegion \{\n {2}kind: "anonymous",\n/);
});

Deno.test("Deno.inspect() shows a MmapRegion inside other things, and none of its bytes", () => {
  using region = MmapRegion.anonymous(PAGE);
  const shown = Deno.inspect({ regions: [region] }, { breakLength: Infinity, colors: false });
  assertMatch(shown, /^\{ regions: \[ MmapRegion \{ kind: "anonymous", .+ \} \] \}$/);
});

Deno.test("MmapRegion has no properties of its own that a program could see or change", () => {
  using region = MmapRegion.anonymous(PAGE);
  assertEquals(Reflect.ownKeys(region), []);
  assertEquals(Object.keys(region), []);
});

Deno.test("JSON.stringify() gives a MmapRegion's handle, which leads to the same memory", () => {
  using region = MmapRegion.anonymous(PAGE);
  const [written] = JSON.parse(JSON.stringify([region]));
  assertEquals(written, { ...region.handle() });
  using other = MmapRegion.attach(written);
  region.bytes[PAGE - 1] = 7;
  assertEquals(other.bytes[PAGE - 1], 7);
});

Deno.test("JSON.stringify() gives null for a MmapRegion without a handle: private, closed", () => {
  using plain = MmapRegion.anonymous(PAGE, { sharing: "private" });
  const closed = MmapRegion.anonymous(PAGE);
  closed.close();
  assertEquals(JSON.stringify([plain, closed]), "[null,null]");
});

Deno.test("JSON.stringify() gives null for a MmapRegion of a device", () => {
  using device = MmapRegion.open(ZERO_DEVICE, { byteLength: PAGE });
  assertEquals(JSON.stringify(device), "null");
});
