/** What `MmapRegion.open` cannot map, and that nothing of the attempt is left. */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { followLines, MmapRegion, type OpenRegionOptions } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { wide, windows } from "../../ffi/windows/library.ts";
import { factOf } from "../../ffi/platform.ts";
import { silentPipe } from "../_fifo.ts";
import {
  makeFile,
  makeLink,
  NULL_DEVICE,
  onBothFileSystems,
  pattern,
  withTempDir,
} from "../_files.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

type ErrorClass = new (message: string) => Error;

const isWindows = Deno.build.os === "windows";

const READ_WRITE: OpenRegionOptions = { access: "read-write" };
const CREATE: OpenRegionOptions = { access: "read-write", create: true, byteLength: 10 };

/** Checks the error of `open`, and that no descriptor and no mapping of `path` is left. */
function assertCannotOpen(
  path: string,
  options: OpenRegionOptions,
  type: ErrorClass,
  code: string,
  syscall: string,
): void {
  const error = assertThrowsSystem(() => MmapRegion.open(path, options), type, code, syscall);
  assertEquals(error.message.endsWith(`: ${error.syscall} '${path}'`), true, error.message);
  assertEquals([descriptorsOf(path), mapsOf(path)], [[], []]);
}

Deno.test("MmapRegion.open() throws NotFound if the file does not exist", () =>
  withTempDir((dir) => {
    const path = join(dir, "none");
    assertCannotOpen(path, {}, Deno.errors.NotFound, "ENOENT", "open");
    assertCannotOpen(path, READ_WRITE, Deno.errors.NotFound, "ENOENT", "open");
  }));

Deno.test("MmapRegion.open() throws NotFound if the directory does not exist", () =>
  withTempDir((dir) => {
    const path = join(dir, "none", "file");
    assertCannotOpen(path, {}, Deno.errors.NotFound, "ENOENT", "open");
    assertCannotOpen(path, CREATE, Deno.errors.NotFound, "ENOENT", "open");
    assertCannotOpen(path, { ...CREATE, createNew: true }, Deno.errors.NotFound, "ENOENT", "open");
  }));

Deno.test("MmapRegion.open() throws NotADirectory if the path goes through a file", () =>
  withTempDir((dir) => {
    const path = join(makeFile(dir, 10), "file");
    const [type, code] = isWindows
      ? [Deno.errors.NotFound, "ENOENT"] as const
      : [Deno.errors.NotADirectory, "ENOTDIR"] as const;
    assertCannotOpen(path, {}, type, code, "open");
    assertCannotOpen(path, CREATE, type, code, "open");
  }));

Deno.test("MmapRegion.open() throws FilesystemLoop at a circle of links", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "circle");
    await makeLink(path, path);
    assertCannotOpen(path, {}, Deno.errors.FilesystemLoop, "ELOOP", "open");
    assertCannotOpen(path, CREATE, Deno.errors.FilesystemLoop, "ELOOP", "open");
  }));

Deno.test("MmapRegion.open() throws ENAMETOOLONG if a name is too long", () =>
  withTempDir((dir) => {
    const [type, code] = isWindows
      ? [Deno.errors.NotFound, "ENOENT"] as const // what Deno tells, too
      : [Error, "ENAMETOOLONG"] as const;
    assertCannotOpen(join(dir, "n".repeat(256)), {}, type, code, "open");
    const long = `${dir}/${(isWindows ? "n/" : "./").repeat(20_000)}x`; // Windows drops the dots
    assertCannotOpen(long, CREATE, type, code, "open");
  }));

/** What directories and FIFOs give. */
const UNMAPPABLE: [ErrorClass, string, string] = isWindows
  ? [Deno.errors.PermissionDenied, "EACCES", "open"]
  : factOf({ linux: [Error, "ENODEV", "mmap"], darwin: [TypeError, "EINVAL", "mmap"] });

onBothFileSystems("MmapRegion.open() cannot map a directory", (dir) => {
  assertCannotOpen(dir, {}, ...UNMAPPABLE);
  assertCannotOpen(dir, { byteLength: 10, byteOffset: 1 }, ...UNMAPPABLE);
  assertCannotOpen(dir, { access: "copy-on-write" }, ...UNMAPPABLE);
  const [type, code] = isWindows
    ? [Deno.errors.PermissionDenied, "EACCES"] as const
    : [Deno.errors.IsADirectory, "EISDIR"] as const;
  assertCannotOpen(dir, READ_WRITE, type, code, "open");
  assertCannotOpen(dir, CREATE, type, code, "open");
});

Deno.test("MmapRegion.open() cannot map a FIFO and does not wait for its other end", () =>
  withTempDir(async (dir) => {
    using pipe = await silentPipe(dir);
    const { path } = pipe;
    for (const options of [{}, { byteLength: 4096 }, READ_WRITE, CREATE]) {
      const open = (): MmapRegion => MmapRegion.open(path, options);
      if (isWindows) assertThrows(open, Deno.errors.NotSupported, "Cannot map a pipe");
      else assertCannotOpen(path, options, ...UNMAPPABLE);
    }
    if (!isWindows) assertEquals(Deno.statSync(path).isFifo, true);
  }));

Deno.test("MmapRegion.open() cannot open a socket", () =>
  withTempDir((dir) => {
    const path = join(dir, "socket");
    using _listener = Deno.listen({ transport: "unix", path });
    const [type, code] = factOf({
      linux: [Error, "ENXIO"] as const,
      darwin: [Deno.errors.NotSupported, "EOPNOTSUPP"] as const,
    });
    for (const options of [{}, READ_WRITE, CREATE]) {
      assertThrowsSystem(() => MmapRegion.open(path, options), type, code, "open");
    }
    assertEquals(Deno.statSync(path).isSocket, true);
  }));

Deno.test("MmapRegion.open() cannot map devices without memory", () => {
  for (const access of ["read", "read-write", "copy-on-write"] as const) {
    assertThrowsSystem(
      () => MmapRegion.open(NULL_DEVICE, { access, byteLength: 10 }),
      Error,
      "ENODEV",
      "mmap",
    );
  }
});

onBothFileSystems(
  "MmapRegion.open() throws RangeError if the region ends behind the file",
  (dir) => {
    const path = makeFile(dir, 100);
    const ranges = [
      { byteOffset: 100 },
      { byteOffset: 101 },
      { byteOffset: 2 ** 40 },
      { byteLength: 101 },
      { byteOffset: 1, byteLength: 100 },
      { byteOffset: 100, byteLength: 1 },
      { byteLength: Number.MAX_SAFE_INTEGER },
      { byteOffset: Number.MAX_SAFE_INTEGER - 1, byteLength: 1 },
    ];
    for (const range of ranges) {
      assertOutOfRange(path, range);
      assertOutOfRange(path, { ...range, access: "read-write" });
      assertOutOfRange(path, { ...range, access: "copy-on-write" });
    }
    assertEquals([descriptorsOf(path), mapsOf(path)], [[], []]);
    assertEquals(Deno.readFileSync(path), pattern(100));
  },
);

onBothFileSystems("MmapRegion.open() throws RangeError if the file is empty", (dir) => {
  const path = makeFile(dir, 0);
  const message = assertOutOfRange(path, {});
  assertEquals([/is empty/.test(message), /byteLength/.test(message)], [true, true], message);
  assertOutOfRange(path, READ_WRITE);
  assertOutOfRange(path, { byteLength: 1 });
  assertOutOfRange(path, { byteOffset: 1 });
  assertEquals(descriptorsOf(path), []);
});

/** Checks for a RangeError that is no system error. @returns its message */
function assertOutOfRange(path: string, options: OpenRegionOptions): string {
  try {
    MmapRegion.open(path, options).close();
  } catch (error) {
    assertEquals((error as Error).constructor, RangeError, String(error));
    return (error as Error).message;
  }
  throw new Error(`${Deno.inspect(options)} was accepted`);
}

/** Tries to open a file as nobody with each of the options. */
function openAsNobody(
  path: string,
  options: OpenRegionOptions[],
  denied: keyof typeof DENIED_RIGHTS,
): Promise<unknown> {
  return resultOf(PROGRAM, { args: ["openAsNobody", path, options, DENIED_RIGHTS[denied]] });
}

/** What is denied on Windows: GENERIC_READ, GENERIC_WRITE and GENERIC_EXECUTE. */
const DENIED_RIGHTS = { write: 0x60000000, all: 0xE0000000 };

/** Sets a mode, where there are such. */
function setMode(path: string, mode: number): void {
  if (!isWindows) Deno.chmodSync(path, mode);
}

const DENIED = isWindows
  ? ["PermissionDenied", "EACCES", 5, "CreateFileW"]
  : ["PermissionDenied", "EACCES", 13, "open"];

onBothFileSystems(
  "MmapRegion.open() throws PermissionDenied without a right to the file",
  async (dir) => {
    setMode(dir, 0o755);
    const path = makeFile(dir, Uint8Array.of(66, 67));
    setMode(path, 0o444);
    const options: OpenRegionOptions[] = [{}, { access: "copy-on-write" }, READ_WRITE, CREATE];
    assertEquals(await openAsNobody(path, options, "write"), {
      results: [66, 66, DENIED, DENIED],
      left: [],
    });
    setMode(path, 0o000);
    assertEquals(await openAsNobody(path, options, "all"), {
      results: [DENIED, DENIED, DENIED, DENIED],
      left: [],
    });
    assertEquals(Deno.statSync(path).size, 2);
  },
);

onBothFileSystems(
  "MmapRegion.open() throws PermissionDenied without a right to the directory",
  async (dir) => {
    setMode(dir, 0o555);
    const path = join(dir, "new");
    const results = [DENIED, DENIED];
    assertEquals(await openAsNobody(path, [CREATE, { ...CREATE, createNew: true }], "write"), {
      results,
      left: [],
    });
    setMode(dir, 0o000);
    assertEquals(await openAsNobody(path, [{}, CREATE], "all"), { results, left: [] });
    setMode(dir, 0o700);
    assertEquals([...Deno.readDirSync(dir)], []);
  },
);

Deno.test("MmapRegion.open() throws ETXTBSY for write access to a running program", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "program.exe");
    // One that answers what is written to it.
    Deno.copyFileSync(isWindows ? "C:\\windows\\system32\\cmd.exe" : "/bin/cat", path);
    const process = new Deno.Command(path, { stdin: "piped", stdout: "piped" }).spawn();
    const input = process.stdin.getWriter();
    try {
      await input.write(Uint8Array.of(1)); // it runs once it has answered
      const output = process.stdout.getReader();
      await output.read();
      await output.cancel();
      assertCannotOpenProgram(path);
    } finally {
      await input.close();
      await process.status;
    }
  }));

function assertCannotOpenProgram(path: string): void {
  const [type, code, first] = isWindows
    ? [Deno.errors.Busy, "EBUSY", 0x4d] as const
    : [Error, "ETXTBSY", 0x7f] as const;
  assertThrowsSystem(() => MmapRegion.open(path, READ_WRITE), type, code, "open");
  using region = MmapRegion.open(path);
  assertEquals(region.bytes[0], first);
}

Deno.test({
  name: "MmapRegion.open() throws Busy EBUSY for a file that somebody has for itself alone",
  ignore: !isWindows,
  fn: () =>
    withTempDir((dir) => {
      const path = makeFile(dir, 100);
      const closeAlone = openAlone(path);
      try {
        for (const options of [{}, READ_WRITE, CREATE, { ...CREATE, truncate: true }]) {
          const open = (): MmapRegion => MmapRegion.open(path, options);
          assertThrowsSystem(open, Deno.errors.Busy, "EBUSY", "open");
        }
        assertThrows(() => followLines(path), Deno.errors.Busy);
      } finally {
        closeAlone();
      }
      using region = MmapRegion.open(path);
      assertEquals(region.bytes, pattern(100));
    }),
});

/** Opens a file as Windows alone lets one: nobody else may. @returns what closes it */
function openAlone(path: string): () => void {
  const { CloseHandle, CreateFileW } = windows();
  const [read, share, existing, normal] = [0x80000000, 0, 3, 0x80];
  const handle = CreateFileW(wide(path), read, share, null, existing, normal, 0n);
  assertNotEquals(handle, -1);
  return () => void CloseHandle(BigInt(handle));
}
