/** Every form in which `MmapRegion.open` takes a path. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { basename, join, relative, toFileUrl } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { windows } from "../../ffi/windows/library.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { patchWindows } from "../_windows_library.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** The first bytes of the file that `open` finds. */
function contentOf(path: string | URL): Uint8Array {
  using region = MmapRegion.open(path);
  return region.bytes.slice();
}

const NAMES = [
  "plain.bin",
  "with space",
  "日本語-ünïcödé-🗺️",
  "e\u0301 and \u00e9", // two spellings of one letter stay two
  "100%",
  "%41",
  "%zz%2",
  "a#b&c=d",
  "quotes'`$(x)",
  "-rf",
  "a:b;c",
  "n".repeat(IS_WINDOWS ? 200 : 255),
  // Windows has no such names.
  ...IS_WINDOWS ? [] : ["a?b#c&d=e", "quotes'\"`$(x)", "new\nline\ttab", "back\\slash"],
];

for (const name of NAMES) {
  onBothFileSystems(`MmapRegion.open() finds ${JSON.stringify(name.slice(0, 40))}`, (dir) => {
    const path = makeFile(dir, 10, name);
    assertEquals(contentOf(path), pattern(10));
    assertEquals(contentOf(toFileUrl(path)), pattern(10));
    using region = MmapRegion.open(path);
    assertEquals(region.handle().path, path);
  });
}

Deno.test("MmapRegion.open() finds and creates files at paths of more than 260 characters", () =>
  withTempDir((dir) => {
    const folder = join(dir, "f".repeat(200), "o".repeat(200));
    Deno.mkdirSync(folder, { recursive: true });
    const path = makeFile(folder, 10, "n".repeat(150));
    const before = Deno.cwd();
    const names = withNames(() => {
      assertEquals(contentOf(path), pattern(10));
      assertEquals(contentOf(toFileUrl(path)), pattern(10));
      assertEquals(
        contentOf(join(folder, "..", ".", basename(folder), basename(path))),
        pattern(10),
      );
      assertEquals(contentOf(relative(before, path)), pattern(10));
      MmapRegion.open(`${path}2`, { access: "read-write", createNew: true, byteLength: 3 }).close();
    });
    assertEquals([...Deno.readDirSync(folder)].length, 2);
    // Only with this prefix does every Windows take them.
    for (const name of names) assert(name.length < 248 || name.startsWith("\\\\?\\C:\\"), name);
    assertEquals(names.length > 0, IS_WINDOWS);
  }));

/** Runs `body`. @returns the names that Windows was asked to open, if this is Windows */
function withNames(body: () => void): string[] {
  const names: string[] = [];
  if (!IS_WINDOWS) return (body(), names);
  const { CreateFileW } = windows();
  const restore = patchWindows({
    CreateFileW(name, ...rest): number {
      names.push(new TextDecoder("utf-16le").decode(name as Uint8Array).slice(0, -1));
      return CreateFileW(name, ...rest);
    },
  });
  try {
    body();
  } finally {
    restore();
  }
  return names;
}

Deno.test("MmapRegion.open() creates a file of a non-ASCII name", () =>
  withTempDir((dir) => {
    const path = join(dir, "新しい ファイル");
    MmapRegion.open(path, { access: "read-write", createNew: true, byteLength: 3 }).close();
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["新しい ファイル"]);
  }));

Deno.test("MmapRegion.open() takes a relative path from the current directory", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 10);
    assertEquals(contentOf(relative(Deno.cwd(), path)), pattern(10));
    assertEquals(contentOf(`${dir}/./../${basename(dir)}//data.bin`), pattern(10));
  }));

Deno.test("MmapRegion.open() decodes the escapes of a file URL as Deno does", () =>
  withTempDir((dir) => {
    makeFile(dir, Uint8Array.of(1), "a b");
    makeFile(dir, Uint8Array.of(2), "50%");
    makeFile(dir, Uint8Array.of(3), "ü");
    const base = `file://${dir}/`;
    assertEquals(contentOf(new URL("a%20b", base))[0], 1);
    assertEquals(contentOf(new URL("a b", base))[0], 1);
    assertEquals(contentOf(new URL("50%25", base))[0], 2);
    assertEquals(contentOf(new URL("50%", base))[0], 2);
    assertEquals(contentOf(new URL("ü", base))[0], 3);
    assertEquals(contentOf(new URL("%C3%BC?query#hash", base))[0], 3);
  }));

Deno.test("MmapRegion.open() does not decode the escapes of a path", () =>
  withTempDir((dir) => {
    makeFile(dir, 10, "a b");
    assertThrowsSystem(
      () => MmapRegion.open(join(dir, "a%20b")),
      Deno.errors.NotFound,
      "ENOENT",
      "open",
    );
    assertThrowsSystem(
      () => MmapRegion.open(toFileUrl(join(dir, "a b")).href),
      Deno.errors.NotFound,
      "ENOENT",
      "open",
    );
  }));

Deno.test("MmapRegion.open() throws TypeError for a URL that is no file", () => {
  for (const url of ["http://localhost/dev/zero", "https://x/", "data:,x", "blob:x"]) {
    const error = assertThrows(() => MmapRegion.open(new URL(url), { byteLength: 1 }), TypeError);
    assert(!("code" in (error as Error)), String(error));
  }
});

Deno.test("MmapRegion.open() throws TypeError for a file URL with a host", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 10);
    const { pathname } = toFileUrl(path);
    assertEquals(contentOf(new URL(`file://localhost${pathname}`)), pattern(10)); // no host, says WHATWG
    // A path with a drive would have no host either.
    assertThrows(() => MmapRegion.open(new URL("file://host/data.bin")), TypeError, "host");
  }));

Deno.test("MmapRegion.open() throws URIError for escapes that are no UTF-8, as Deno does", () => {
  assertThrows(() => MmapRegion.open(new URL("file:///tmp/%FF")), URIError);
});

Deno.test("MmapRegion.open() throws TypeError for a path with a NUL", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 10);
    for (const bad of [`${path}\0`, `${path}\0.txt`, "\0", new URL(`file://${path}%00`)]) {
      assertThrows(() => MmapRegion.open(bad), TypeError, "NUL");
      assertThrows(
        () =>
          MmapRegion.open(bad, {
            access: "read-write",
            create: true,
            truncate: true,
            byteLength: 1,
          }),
        TypeError,
        "NUL",
      );
    }
    assertEquals(Deno.readFileSync(path), pattern(10));
  }));

Deno.test("MmapRegion.open() throws NotFound for an empty path", () => {
  assertThrowsSystem(() => MmapRegion.open(""), Deno.errors.NotFound, "ENOENT", "open");
});

Deno.test("MmapRegion.open() throws TypeError if the path is of another type", () => {
  for (
    const bad of [undefined, null, 0, 3, 1n, true, {}, [], ["/dev/zero"], Symbol("path"), () => 1]
  ) {
    assertThrows(() => MmapRegion.open(bad as string, { byteLength: 1 }), TypeError, "path");
  }
});

Deno.test("MmapRegion.open() throws TypeError for a String object and a look-alike URL", () => {
  const fake = { protocol: "file:", pathname: "/dev/zero", href: "file:///dev/zero" };
  for (const bad of [new String("/dev/zero"), fake]) {
    assertThrows(() => MmapRegion.open(bad as string, { byteLength: 1 }), TypeError, "path");
  }
});
