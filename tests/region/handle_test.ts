/** Handles as data: their forms, what is in them, and what is malformed. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatHandle, isSystemError, MmapRegion, type RegionHandle } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { thrownBy } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir, ZERO_DEVICE } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

onBothFileSystems("MmapRegion.handle() names the file and the range", (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using region = MmapRegion.open(path, {
    access: "read-write",
    byteOffset: PAGE + 1,
    byteLength: 100,
  });
  const handle = region.handle();
  const { version, system, kind, access, byteOffset, byteLength, pid } = handle;
  assertEquals(
    { version, system, kind, access, byteOffset, byteLength, path: handle.path, pid },
    {
      version: 2,
      system: Deno.build.os as RegionHandle["system"],
      kind: "file",
      access: "read-write",
      byteOffset: PAGE + 1,
      byteLength: 100,
      path,
      pid: Deno.pid,
    },
  );
  const { dev, ino } = Deno.statSync(path);
  assertEquals([handle.device, handle.inode], [dev, String(ino)]);
});

Deno.test("MmapRegion.handle() follows the region's size", () => {
  using region = MmapRegion.anonymous(100);
  assertEquals(region.handle().byteLength, 100);
  region.resize(200);
  assertEquals(region.handle().byteLength, 200);
  using other = MmapRegion.attach(region.handle());
  assertEquals(other.byteLength, 200);
});

for (const access of ["read", "read-write", "copy-on-write"] as const) {
  Deno.test(`MmapRegion.handle() carries access ${access}`, () =>
    withTempDir((dir) => {
      using region = MmapRegion.open(makeFile(dir, 100), { access });
      assertEquals(region.handle().access, access);
      using other = MmapRegion.attach(region.handle());
      assertEquals(other.access, access);
      using another = MmapRegion.attach(other.handle());
      assertEquals(another.access, access);
    }));
}

Deno.test("MmapRegion.handle() is plain JSON", () => {
  using region = MmapRegion.anonymous(100, { label: 'quotes " and ü' });
  const handle = region.handle();
  const text = JSON.stringify(handle);
  assertEquals(JSON.parse(text), handle);
  assertEquals(structuredClone(handle), handle);
  region.bytes[0] = 5;
  for (const copy of [JSON.parse(text), structuredClone(handle), { ...handle, extra: 1 }]) {
    using other = MmapRegion.attach(copy);
    assertEquals(other.bytes[0], 5);
  }
});

const SAFE = /^[A-Za-z0-9:=&%._*+-]+$/;

const NAMES = [
  "plain",
  "with space",
  "a&b=c;d#f",
  "quotes'`$(x)",
  "日本-ü-🗺️",
  "100%",
  "+",
  // Windows has no such names.
  ...Deno.build.os === "windows" ? [] : ["a&b=c;d?e#f", "quotes'\"`$(x)", "new\nline\ttab"],
];

for (const name of NAMES) {
  onBothFileSystems(`formatHandle() keeps the file name ${JSON.stringify(name)}`, (dir) => {
    const path = makeFile(dir, 100, name);
    using region = MmapRegion.open(path);
    const text = formatHandle(region.handle());
    assert(SAFE.test(text), text);
    using other = MmapRegion.attach(text);
    assertEquals(other.bytes, pattern(100));
    assertEquals(other.handle().path, path);
  });
}

Deno.test("formatHandle() takes every handle there and back", () =>
  withTempDir((dir) => {
    using file = MmapRegion.open(makeFile(dir, 3 * PAGE), { byteOffset: 5, byteLength: 6 });
    using memory = MmapRegion.anonymous(2 ** 40, { reserve: false });
    for (const region of [file, memory]) {
      const text = formatHandle(region.handle());
      using other = MmapRegion.attach(text);
      const { pid, startTime, fd: _fd, ...rest } = other.handle();
      const { fd: _ownFd, ...own } = region.handle();
      assertEquals({ pid, startTime, ...rest }, own);
    }
  }));

Deno.test("MmapRegion.env() is a string form for fromEnv() in a child", async () => {
  using region = MmapRegion.anonymous(100);
  const env: Record<string, string> = { ...region.env(), ...region.env("SECOND"), THIRD: "x" };
  assertEquals(Object.keys(env), ["MMAP_REGION", "SECOND", "THIRD"]);
  assertEquals(env["MMAP_REGION"], formatHandle(region.handle()));
  assert(SAFE.test(env["MMAP_REGION"]!), env["MMAP_REGION"]);
  assertEquals(await resultOf(PROGRAM, { args: ["useEnvironment"], env }), [["TypeError", false], [
    "NotFound",
    true,
  ]]);
  assertEquals([...region.bytes.subarray(0, 3)], [11, 12, 0]);
});

Deno.test("MmapRegion.fromEnv() throws NotFound if the variable is not set", () => {
  const error = assertThrows(
    () => MmapRegion.fromEnv("MMAP_TEST_NOT_SET"),
    Deno.errors.NotFound,
    "MMAP_TEST_NOT_SET",
  );
  assertEquals(isSystemError(error), false);
});

Deno.test("MmapRegion.handle() and env() throw BadResource after close", () => {
  const region = MmapRegion.anonymous(100);
  region.close();
  assertThrows(() => region.handle(), Deno.errors.BadResource, "closed");
  assertThrows(() => region.env(), Deno.errors.BadResource, "closed");
});

/** Checks that both functions that read handles refuse a value, without any system call. */
function assertMalformed(handle: unknown): void {
  const calls = [() => MmapRegion.attach(handle as RegionHandle).close()];
  if (typeof handle !== "string") calls.push(() => formatHandle(handle as RegionHandle));
  for (const call of calls) {
    const error = thrownBy(call) as Error;
    const about = `${Deno.inspect(handle)}: ${error}`;
    assertEquals([error.constructor, isSystemError(error)], [TypeError, false], about);
    assert(error.message.startsWith("Cannot read region handle: "), about);
  }
}

Deno.test("MmapRegion.attach() throws TypeError for handles with a missing or wrong field", () => {
  using region = MmapRegion.anonymous(100);
  const handle = region.handle();
  for (const [key, value] of Object.entries(handle)) {
    const { [key as keyof RegionHandle]: _, ...rest } = handle;
    assertMalformed(rest);
    for (const wrong of [undefined, null, {}, [], true, 1n, () => 1]) {
      assertMalformed({ ...handle, [key]: wrong });
    }
    if (typeof value === "string") {
      assertMalformed({ ...handle, [key]: 1 });
      continue;
    }
    for (const wrong of ["1", NaN, Infinity, -1, 0.5, 2 ** 53]) {
      assertMalformed({ ...handle, [key]: wrong });
    }
  }
});

Deno.test("MmapRegion.attach() throws TypeError for handles with an impossible value", () => {
  using region = MmapRegion.anonymous(100);
  const handle = region.handle();
  for (
    const wrong of [
      { version: 2.5 },
      { version: -1 },
      { system: "" },
      { system: "plan9" },
      { kind: "directory" },
      { kind: "" },
      { access: "write" },
      { access: "" },
      { byteLength: 0 },
      { inode: "" },
      { inode: "1e3" },
      { inode: "-1" },
      { inode: "0x10" },
      { path: "/dev/zero\0" },
    ]
  ) assertMalformed({ ...handle, ...wrong });
});

Deno.test("MmapRegion.attach() throws NotSupported for handles of another version or system", () => {
  using region = MmapRegion.anonymous(100);
  const handle = region.handle();
  const text = formatHandle(handle);
  const [elsewhere, third] = ["windows", "darwin", "linux"].filter((os) => os !== Deno.build.os);
  const { system: _, ...old } = handle;
  const others: [unknown, string][] = [
    [{ ...old, version: 1 }, "version 1, and this module reads version 2"],
    [{ version: 3, elsewhere: true }, "version 3"],
    [{ ...handle, system: elsewhere }, `on ${elsewhere}, and this is ${Deno.build.os}`],
    [{ ...handle, system: third }, `on ${third}`],
    ["mmap:version=1&kind=anonymous", "version 1"],
    [text.replace("version=2", "version=0"), "version 0"],
    [text.replace(`system=${Deno.build.os}`, `system=${third}`), `on ${third}`],
  ];
  for (const [other, says] of others) {
    const attach = () => MmapRegion.attach(other as RegionHandle).close();
    assertThrows(attach, Deno.errors.NotSupported, says);
  }
});

Deno.test("MmapRegion.attach() throws TypeError for malformed strings", () => {
  using region = MmapRegion.anonymous(100);
  const text = formatHandle(region.handle());
  const broken = [
    "",
    " ",
    "mmap",
    "mmap:",
    "mmap:version=2",
    "mmap:version=",
    "MMAP" + text.slice(4),
    " " + text,
    text.slice(5),
    text.slice(0, text.indexOf("pid=")),
    text.replaceAll("&", ";"),
    text.replace(`system=${Deno.build.os}`, "system=plan9"),
    text.replace("byteLength=100", "byteLength="),
    ...["-100", "%2B100", "100.5", "1e2", "0x64", "+100", "100+", "9007199254740993", "NaN", "ten"]
      .map((size) => text.replace("byteLength=100", `byteLength=${size}`)),
    text.replace("kind=anonymous", "kind=none"),
    text.replace("path=", "path=%00"),
    JSON.stringify(region.handle()),
    "/dev/zero",
    "\0",
    "x".repeat(1_000_000),
  ];
  for (const wrong of broken) {
    assertEquals(wrong === text, false, wrong);
    assertMalformed(wrong);
  }
});

Deno.test("MmapRegion.attach() says little of a long malformed string", () => {
  const error = thrownBy(() => MmapRegion.attach("secret".repeat(1000))) as Error;
  assert(error.message.length < 200, error.message);
});

Deno.test("MmapRegion.attach() reads each field of a handle once", () => {
  using region = MmapRegion.anonymous(100);
  const reads: Record<string, number> = {};
  const handle = new Proxy(region.handle(), {
    get(target, key: keyof RegionHandle): unknown {
      reads[key] = (reads[key] ?? 0) + 1;
      return target[key];
    },
  });
  MmapRegion.attach(handle).close();
  assertEquals(Object.entries(reads).filter(([, count]) => count !== 1), []);
  assertEquals(Object.keys(reads).sort(), Object.keys(region.handle()).sort());
});

Deno.test(
  "handle() throws NotSupported for a device, whose other mappings are other memory",
  () => {
    using region = MmapRegion.open(ZERO_DEVICE, { access: "read-write", byteLength: 4096 });
    assertThrows(() => region.handle(), Deno.errors.NotSupported);
  },
);
