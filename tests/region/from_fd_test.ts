/** `MmapRegion.fromFd`: it duplicates the descriptor, and maps what the descriptor allows. */

import { assert, assertEquals } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { join } from "@std/path";
import { type MapOptions, MmapRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { O_PATH } from "../../ffi/constants.ts";
import { factOf } from "../../ffi/platform.ts";
import { linux } from "../_capabilities.ts";
import { Child, resultOf } from "../_child.ts";
import { assertClass, assertThrowsSystem, thrownBy } from "../_errors.ts";
import { makeFile, makeSparseFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { descriptorsOf, mapsOf, MEMORY_NAME } from "../_process.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

/** Where there is no libc, descriptors are those of node:fs. */
const { open, close }: Pick<typeof C, "open" | "close"> = Deno.build.os === "windows"
  ? {
    open: (path, flags) => openSync(path, flags & (C.O_WRONLY | C.O_RDWR)),
    close: (fd) => (closeSync(fd), 0),
  }
  : C;

/** Runs `body` with an open descriptor and closes it. */
function withFd<T>(path: string, flags: number, body: (fd: number) => T): T {
  const fd = open(path, flags);
  try {
    return body(fd);
  } finally {
    close(fd);
  }
}

onBothFileSystems("MmapRegion.fromFd() maps the file of a descriptor", (dir) => {
  const path = makeFile(dir, 5000);
  withFd(path, C.O_RDWR, (fd) => {
    using region = MmapRegion.fromFd(fd, { access: "read-write", byteOffset: 10 });
    assertEquals([region.kind, region.byteOffset, region.byteLength], ["file", 10, 4990]);
    assertEquals(region.bytes, pattern(5000).subarray(10));
    region.bytes[0] = 1;
  });
  assertEquals(Deno.readFileSync(path)[10], 1);
});

Deno.test("MmapRegion.fromFd() takes the descriptors of node:fs", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100);
    const fd = openSync(path, "r+");
    try {
      using region = MmapRegion.fromFd(fd, { access: "read-write" });
      assertEquals(region.bytes, pattern(100));
    } finally {
      closeSync(fd);
    }
  }));

onBothFileSystems("MmapRegion.fromFd() goes on after the descriptor is closed", (dir) => {
  const path = makeFile(dir, 5000);
  using region = withFd(path, C.O_RDWR, (fd) => MmapRegion.fromFd(fd, { access: "read-write" }));
  region.bytes[4999] = 9;
  region.resize(6000);
  assertEquals([Deno.readFileSync(path)[4999], Deno.statSync(path).size], [9, 6000]);
  assertEquals(descriptorsOf(path).length, 1);
});

Deno.test("MmapRegion.fromFd() leaves the descriptor to its owner", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100);
    withFd(path, C.O_RDONLY, (fd) => {
      MmapRegion.fromFd(fd).close();
      MmapRegion.fromFd(fd).close();
      assertEquals([descriptorsOf(path).length, mapsOf(path).length], [1, 0]);
    });
    assertEquals(descriptorsOf(path), []);
  }));

Deno.test("MmapRegion.fromFd() keeps its descriptor from children", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 100);
    using file = MmapRegion.open(path);
    using duplicate = withFd(path, C.O_RDONLY | C.O_CLOEXEC, (fd) => MmapRegion.fromFd(fd));
    const label = "mmap-from-fd-test";
    const name = factOf({ linux: label, darwin: MEMORY_NAME });
    using memory = MmapRegion.anonymous(100, { label });
    assert(descriptorsOf(name).length > 0);
    const links = await resultOf(PROGRAM, { args: ["listDescriptors"] }) as string[];
    assert(links.length > 2);
    const inherited = links.filter((link) => link.startsWith(dir) || link.includes(name));
    assertEquals(inherited, []);
    assertEquals([file.closed, duplicate.closed, memory.closed], [false, false, false]);
  }));

for (
  const [flags, allowed] of [[C.O_RDONLY, ["read", "copy-on-write"]], [C.O_WRONLY, []]] as const
) {
  const name = flags === C.O_RDONLY ? "read-only" : "write-only";
  onBothFileSystems(`MmapRegion.fromFd() allows what a ${name} descriptor allows`, (dir) => {
    const path = makeFile(dir, 100);
    withFd(path, flags, (fd) => {
      for (const access of ["read", "read-write", "copy-on-write"] as const) {
        if ((allowed as readonly string[]).includes(access)) {
          using region = MmapRegion.fromFd(fd, { access });
          assertEquals(region.bytes, pattern(100));
          continue;
        }
        assertThrowsSystem(
          () => MmapRegion.fromFd(fd, { access }),
          Deno.errors.PermissionDenied,
          "EACCES",
          "mmap",
        );
      }
      assertEquals([descriptorsOf(path).length, mapsOf(path)], [1, []]);
    });
  });
}

Deno.test("MmapRegion.protect() gives a read-only descriptor no write access", () =>
  withTempDir((dir) => {
    withFd(makeFile(dir, 100), C.O_RDONLY, (fd) => {
      using region = MmapRegion.fromFd(fd);
      assertThrowsSystem(
        () => region.protect("read-write"),
        Deno.errors.PermissionDenied,
        "EACCES",
        "mprotect",
      );
      using copy = MmapRegion.fromFd(fd, { access: "copy-on-write" });
      copy.protect("read");
      copy.protect("read-write");
      copy.bytes[0] = 1;
    });
  }));

Deno.test("MmapRegion.fromFd() throws EBADF for descriptors that are not open", () => {
  for (const fd of [2 ** 30, 2 ** 31 - 1]) {
    for (const options of [{}, { byteLength: 10 }, { access: "read-write" }] as MapOptions[]) {
      const error = assertThrowsSystem(
        () => MmapRegion.fromFd(fd, options),
        Error,
        "EBADF",
        "fcntl",
      );
      assertEquals(error.errno, 9);
    }
  }
});

Deno.test("MmapRegion.fromFd() throws EBADF for a descriptor that was closed", async () => {
  // In a child: in this process another test could open a file under the same number.
  const result = await resultOf(PROGRAM, { args: ["fromClosedFd"] });
  assertEquals(result, ["EBADF", 9, "fcntl"]);
});

Deno.test(
  "MmapRegion.fromFd() throws EBADF for a descriptor that is only a path",
  linux,
  () =>
    withTempDir((dir) => {
      withFd(makeFile(dir, 100), O_PATH, (fd) => {
        assertThrowsSystem(() => MmapRegion.fromFd(fd), Error, "EBADF", "mmap");
      });
      assertEquals([descriptorsOf(dir), mapsOf(dir)], [[], []]);
    }),
);

Deno.test("MmapRegion.fromFd() cannot map directories, pipes, sockets and /dev/null", () =>
  withTempDir(async (dir) => {
    withFd(dir, C.O_RDONLY, (fd) => assertUnmappable(fd, ...NO_FILE));
    withFd("/dev/null", C.O_RDWR, (fd) => assertUnmappable(fd, Error, "ENODEV", { byteLength: 1 }));
    const fifo = join(dir, "fifo");
    assert((await new Deno.Command("mkfifo", { args: [fifo] }).output()).success);
    withFd(fifo, C.O_RDONLY | C.O_NONBLOCK, (fd) => assertUnmappable(fd, ...NO_FILE));
    await using child = new Child(PROGRAM, { args: ["fromStdin"] });
    assertEquals(await child.readLine(), `"${NO_FILE[1]} mmap"`); // its stdin is a pipe or a socket
  }));

/** What the system says of all but files and devices. */
const NO_FILE: [new (message: string) => Error, string] = factOf({
  linux: [Error, "ENODEV"],
  darwin: [TypeError, "EINVAL"],
});

function assertUnmappable(
  fd: number,
  type: new (message: string) => Error,
  code: string,
  options?: MapOptions,
): void {
  for (const access of ["read", "copy-on-write"] as const) {
    const call = () => MmapRegion.fromFd(fd, { ...options, access });
    assertThrowsSystem(call, type, code, "mmap");
  }
}

onBothFileSystems("MmapRegion.fromFd() throws RangeError behind the end of the file", (dir) => {
  const path = makeFile(dir, 100);
  withFd(path, C.O_RDWR, (fd) => {
    for (
      const range of [{ byteLength: 101 }, { byteOffset: 100 }, { byteOffset: 99, byteLength: 2 }]
    ) {
      for (const access of ["read", "read-write", "copy-on-write"] as const) {
        assertClass(thrownBy(() => MmapRegion.fromFd(fd, { ...range, access })), RangeError);
      }
    }
    assertEquals(descriptorsOf(path).length, 1);
  });
  withFd(makeFile(dir, 0, "empty"), C.O_RDWR, (fd) => {
    const error = thrownBy(() => MmapRegion.fromFd(fd)) as Error;
    assertEquals([error.constructor, /is empty/.test(error.message)], [RangeError, true]);
  });
});

Deno.test("MmapRegion.fromFd() maps memory that a memfd holds", linux, () => {
  const memfd = C.memfd_create("mmap-from-fd", C.MFD_CLOEXEC);
  try {
    C.ftruncate(memfd, 5000);
    using one = MmapRegion.fromFd(memfd, { access: "read-write" });
    using two = MmapRegion.fromFd(memfd);
    one.bytes[4999] = 3;
    assertEquals(two.bytes[4999], 3);
  } finally {
    C.close(memfd);
  }
});

Deno.test("MmapRegion.fromFd() maps a removed file", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100);
    withFd(path, C.O_RDONLY, (fd) => {
      Deno.removeSync(path);
      using region = MmapRegion.fromFd(fd);
      assertEquals(region.bytes, pattern(100));
    });
  }));

onBothFileSystems("MmapRegion.fromFd() reaches beyond 4 GiB", (dir) => {
  const path = makeSparseFile(dir, 2 ** 33);
  withFd(path, C.O_RDWR, (fd) => {
    using region = MmapRegion.fromFd(fd, { access: "read-write", byteOffset: 2 ** 33 - 5 });
    region.bytes.fill(7);
    using whole = MmapRegion.fromFd(fd);
    assertEquals([...whole.bytes.subarray(-6)], [0, 7, 7, 7, 7, 7]);
  });
});
