/** `mmap`, `munmap` and `msync` as C has them, with every error that they are documented to give. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import * as c from "@mmap/mmap/libc";
import { F_ADD_SEALS, F_SEAL_WRITE } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { factOf } from "../../ffi/platform.ts";
import { linux, proc, writableCode } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { at, bytesAt, lowAddress, PAGE, rightsAt, withPages } from "../_pages.ts";

const READ_WRITE = c.PROT_READ | c.PROT_WRITE;
const PRIVATE = c.MAP_PRIVATE | c.MAP_ANONYMOUS;
/** A page that cannot be mapped: the address space ends before it. */
const nowhere = Deno.UnsafePointer.create(2n ** 56n)!;

/** Runs `body` with a mapping that is given back whatever happened. */
function withMap(
  map: () => Deno.PointerObject,
  byteLength: number,
  body: (address: Deno.PointerObject) => void,
): void {
  const address = map();
  try {
    body(address);
  } finally {
    c.munmap(address, byteLength);
  }
}

/** Runs `body` with a descriptor of a new file of two pages of pattern. */
function withFile(flags: number, body: (fd: number, path: string) => void): Promise<void> {
  return withTempDir((dir) => {
    const path = makeFile(dir, 2 * PAGE);
    const fd = c.open(path, flags);
    try {
      body(fd, path);
    } finally {
      c.close(fd);
    }
  });
}

Deno.test("mmap() maps a file from a page on", () =>
  withFile(c.O_RDONLY, (fd) => {
    withMap(() => c.mmap(null, PAGE, c.PROT_READ, c.MAP_PRIVATE, fd, PAGE), PAGE, (address) => {
      assertEquals(bytesAt(address, PAGE), pattern(2 * PAGE).subarray(PAGE));
    });
  }));

Deno.test("mmap() with MAP_SHARED writes to the file, with MAP_PRIVATE not", () =>
  withFile(c.O_RDWR, (fd, path) => {
    for (const [flags, expected] of [[c.MAP_SHARED, 0xaa], [c.MAP_PRIVATE, 0xaa]] as const) {
      withMap(() => c.mmap(null, PAGE, READ_WRITE, flags, fd, 0), PAGE, (address) => {
        bytesAt(address, 1)[0] = flags === c.MAP_SHARED ? 0xaa : 0xbb;
      });
      assertEquals(Deno.readFileSync(path)[0], expected);
    }
  }));

Deno.test("mmap() of anonymous memory reads zeros, sizes and offsets may be bigints", () => {
  const map = (): Deno.PointerObject => c.mmap(null, BigInt(PAGE), READ_WRITE, PRIVATE, -1, 0n);
  withMap(map, PAGE, (address) => {
    assertEquals(bytesAt(address, PAGE), new Uint8Array(PAGE));
  });
});

Deno.test("mmap() takes a free address as a hint", () => {
  const { value } = Deno.UnsafePointer;
  const takesHint = (): boolean => {
    let free: Deno.PointerObject | undefined;
    withPages(1, (address) => free = address);
    let taken = false;
    withMap(() => c.mmap(free!, PAGE, READ_WRITE, PRIVATE, -1, 0), PAGE, (address) => {
      taken = value(address) === value(free!);
    });
    return taken;
  };
  // A thread of V8 may take the page first.
  assertEquals(Array.from({ length: 10 }).some(takesHint), true);
});

Deno.test("mmap() takes another address if the hint is not free", () => {
  withPages(1, (taken) => {
    bytesAt(taken, 1)[0] = 7;
    withMap(() => c.mmap(taken, PAGE, READ_WRITE, PRIVATE, -1, 0), PAGE, (address) => {
      assertNotEquals(Deno.UnsafePointer.value(address), Deno.UnsafePointer.value(taken));
    });
    assertEquals(bytesAt(taken, 1)[0], 7);
  });
});

Deno.test("mmap() with MAP_FIXED replaces what is mapped there", () => {
  withPages(2, (address) => {
    bytesAt(address, 2 * PAGE).fill(7);
    const second = at(address, PAGE);
    const fixed = c.mmap(second, PAGE, READ_WRITE, PRIVATE | c.MAP_FIXED, -1, 0);
    assert(Deno.UnsafePointer.equals(fixed, second));
    assertEquals([bytesAt(address, 1)[0], bytesAt(second, 1)[0]], [7, 0]);
  });
});

Deno.test("mmap() with MAP_PRIVATE and MAP_FIXED lays anonymous memory over a file's mapping", () =>
  withFile(c.O_RDWR, (fd, path) => {
    const map = (): Deno.PointerObject => c.mmap(null, 2 * PAGE, READ_WRITE, c.MAP_SHARED, fd, 0);
    withMap(map, 2 * PAGE, (address) => {
      c.mmap(address, PAGE, READ_WRITE, PRIVATE | c.MAP_FIXED, -1, 0);
      const bytes = bytesAt(address, 2 * PAGE);
      assertEquals(bytes.subarray(0, PAGE), new Uint8Array(PAGE));
      bytes.fill(9);
    });
    const expected = pattern(2 * PAGE).fill(9, PAGE);
    assertEquals(Deno.readFileSync(path), expected);
  }));

Deno.test("mmap() with MAP_PRIVATE and MAP_FIXED lays a file over other memory", () =>
  withFile(c.O_RDONLY, (fd, path) => {
    withPages(2, (address) => {
      c.mmap(at(address, PAGE), PAGE, READ_WRITE, c.MAP_PRIVATE | c.MAP_FIXED, fd, 0);
      const bytes = bytesAt(address, 2 * PAGE);
      assertEquals(bytes.subarray(PAGE), pattern(PAGE));
      bytes.fill(9);
    });
    assertEquals(Deno.readFileSync(path), pattern(2 * PAGE));
  }));

Deno.test({
  name: "mmap() with MAP_FIXED_NOREPLACE throws AlreadyExists where something is mapped",
  ignore: linux.ignore,
  fn(): void {
    withPages(1, (taken) => {
      assertThrowsSystem(
        () => c.mmap(taken, PAGE, READ_WRITE, PRIVATE | c.MAP_FIXED_NOREPLACE, -1, 0),
        Deno.errors.AlreadyExists,
        "EEXIST",
        "mmap",
      );
    });
  },
});

Deno.test({
  name: "mmap() gives the pages every union of PROT bits",
  ignore: proc.ignore,
  fn(): void {
    const both = c.PROT_WRITE | c.PROT_EXEC;
    for (let prot = 0; prot < 8; prot++) {
      if (writableCode.ignore && (prot & both) === both) {
        const map = (): unknown => c.mmap(null, PAGE, prot, PRIVATE, -1, 0);
        assertThrowsSystem(map, Deno.errors.PermissionDenied, "EACCES", "mmap");
        continue;
      }
      // macOS has none of the others without the right to read.
      const isRead = (prot & factOf({ linux: c.PROT_READ, darwin: c.PROT_READ | both })) !== 0;
      const rights = (isRead ? "r" : "-") + (prot & c.PROT_WRITE ? "w" : "-") +
        (prot & c.PROT_EXEC ? "x" : "-") + "p";
      withMap(() => c.mmap(null, PAGE, prot, PRIVATE, -1, 0), PAGE, (address) => {
        assertEquals(rightsAt(Deno.UnsafePointer.value(address)), rights);
      });
    }
  },
});

Deno.test({
  name:
    "mmap() passes MAP_DENYWRITE and the other flags without effect on, and the kernel takes them",
  ignore: linux.ignore,
  fn: () =>
    withFile(c.O_RDWR, (fd, path) => {
      const flags = c.MAP_SHARED | c.MAP_DENYWRITE | c.MAP_EXECUTABLE | c.MAP_STACK |
        c.MAP_NORESERVE | c.MAP_POPULATE | c.MAP_NONBLOCK;
      withMap(() => c.mmap(null, PAGE, READ_WRITE, flags, fd, 0), PAGE, (address) => {
        // Writers were denied once; today the file can still be written to.
        Deno.writeTextFileSync(path, "new", { append: true });
        assertEquals(bytesAt(address, PAGE), pattern(PAGE));
      });
      // MAP_SHARED_VALIDATE wants to know every flag, so it shows that these bits arrive.
      assertThrowsSystem(
        () => c.mmap(null, PAGE, READ_WRITE, c.MAP_SHARED_VALIDATE | c.MAP_SYNC, fd, 0),
        Deno.errors.NotSupported,
        "EOPNOTSUPP",
        "mmap",
      );
    }),
});

Deno.test("mmap() throws TypeError EINVAL for what the kernel calls invalid", () =>
  withFile(c.O_RDONLY, (fd) => {
    const calls = [
      () => c.mmap(null, 0, READ_WRITE, PRIVATE, -1, 0),
      () => c.mmap(null, PAGE, c.PROT_READ, c.MAP_SHARED, fd, 1000),
      () => c.mmap(null, PAGE, c.PROT_READ, 0, fd, 0),
    ];
    for (const call of calls) assertThrowsSystem(call, TypeError, "EINVAL", "mmap");
    withPages(2, (address) => {
      const flags = PRIVATE | c.MAP_FIXED;
      const misaligned = (): unknown => c.mmap(at(address, 1), PAGE, c.PROT_READ, flags, -1, 0);
      assertThrowsSystem(misaligned, TypeError, "EINVAL", "mmap");
    });
  }));

Deno.test("mmap() throws EBADF for a descriptor that is not open", () => {
  const call = (): unknown => c.mmap(null, PAGE, c.PROT_READ, c.MAP_SHARED, -1, 0);
  assertThrowsSystem(call, Error, "EBADF", "mmap");
});

Deno.test("mmap() throws PermissionDenied EACCES for rights that the descriptor lacks", () =>
  withFile(c.O_RDONLY, (fd, path) => {
    const shared = (): unknown => c.mmap(null, PAGE, READ_WRITE, c.MAP_SHARED, fd, 0);
    assertThrowsSystem(shared, Deno.errors.PermissionDenied, "EACCES", "mmap");
    const writeOnly = c.open(path, c.O_WRONLY);
    try {
      const reading = (): unknown => c.mmap(null, PAGE, c.PROT_READ, c.MAP_PRIVATE, writeOnly, 0);
      assertThrowsSystem(reading, Deno.errors.PermissionDenied, "EACCES", "mmap");
    } finally {
      c.close(writeOnly);
    }
  }));

Deno.test("mmap() throws ENODEV for a directory, or TypeError EINVAL", () =>
  withTempDir((dir) => {
    const fd = c.open(dir, c.O_RDONLY);
    const [type, code] = factOf({
      linux: [Error, "ENODEV"] as const,
      darwin: [TypeError, "EINVAL"] as const,
    });
    try {
      const call = (): unknown => c.mmap(null, PAGE, c.PROT_READ, c.MAP_PRIVATE, fd, 0);
      assertThrowsSystem(call, type, code, "mmap");
    } finally {
      c.close(fd);
    }
  }));

Deno.test("mmap() throws ENOMEM for more than the address space, EOVERFLOW beyond all files", () =>
  withFile(c.O_RDONLY, (fd) => {
    const huge = (): unknown => c.mmap(null, 2n ** 60n, READ_WRITE, PRIVATE, -1, 0);
    assertThrowsSystem(huge, Error, "ENOMEM", "mmap");
    const beyond = (): unknown =>
      c.mmap(null, PAGE, c.PROT_READ, c.MAP_SHARED, fd, 2n ** 63n - BigInt(PAGE));
    assertThrowsSystem(beyond, Error, "EOVERFLOW", "mmap");
  }));

Deno.test({
  name: "mmap() throws PermissionDenied EPERM for a shared writable mapping of a sealed memfd",
  ignore: linux.ignore,
  fn(): void {
    const fd = c.memfd_create("sealed", c.MFD_ALLOW_SEALING);
    try {
      c.ftruncate(fd, PAGE);
      libc().fcntl(fd, F_ADD_SEALS, BigInt(F_SEAL_WRITE));
      const call = (): unknown => c.mmap(null, PAGE, READ_WRITE, c.MAP_SHARED, fd, 0);
      assertThrowsSystem(call, Deno.errors.PermissionDenied, "EPERM", "mmap");
    } finally {
      c.close(fd);
    }
  },
});

Deno.test({
  name: "munmap() gives pages back, and a second time is no error",
  ignore: proc.ignore,
  fn(): void {
    const address = c.mmap(lowAddress(0), 2 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    assert(Deno.UnsafePointer.equals(address, lowAddress(0)));
    const second = at(address, PAGE);
    try {
      assertEquals(c.munmap(second, PAGE), 0);
      assertEquals(c.munmap(second, PAGE), 0);
      assertEquals(rightsAt(Deno.UnsafePointer.value(address)), "rw-p");
      assertThrowsSystem(() => c.msync(second, PAGE, c.MS_SYNC), Error, "ENOMEM", "msync");
    } finally {
      c.munmap(address, PAGE);
    }
  },
});

Deno.test("munmap() throws TypeError EINVAL for an address that mmap() did not return", () => {
  withPages(1, (address) => {
    const calls = [
      () => c.munmap(at(address, 1), PAGE),
      () => c.munmap(address, 0),
      () => c.munmap(address, -1),
      () => c.munmap(nowhere, PAGE),
    ];
    for (const call of calls) assertThrowsSystem(call, TypeError, "EINVAL", "munmap");
    bytesAt(address, 1)[0] = 1; // still there
  });
});

Deno.test("msync() writes a shared mapping back", () =>
  withFile(c.O_RDWR, (fd) => {
    withMap(() => c.mmap(null, PAGE, READ_WRITE, c.MAP_SHARED, fd, 0), PAGE, (address) => {
      for (const flags of [c.MS_SYNC, c.MS_ASYNC, c.MS_SYNC | c.MS_INVALIDATE]) {
        assertEquals(c.msync(address, PAGE, flags), 0);
      }
    });
  }));

Deno.test("msync() throws TypeError EINVAL, ENOMEM and Busy EBUSY", () => {
  withPages(1, (address) => {
    const invalid = [
      () => c.msync(at(address, 1), PAGE, c.MS_SYNC),
      () => c.msync(address, PAGE, c.MS_SYNC | c.MS_ASYNC),
      () => c.msync(address, PAGE, 0x100),
    ];
    for (const call of invalid) assertThrowsSystem(call, TypeError, "EINVAL", "msync");
    assertThrowsSystem(() => c.msync(nowhere, PAGE, c.MS_SYNC), Error, "ENOMEM", "msync");
    c.mlock(address, PAGE);
    assertThrowsSystem(
      () => c.msync(address, PAGE, c.MS_SYNC | c.MS_INVALIDATE),
      Deno.errors.Busy,
      "EBUSY",
      "msync",
    );
  });
});
