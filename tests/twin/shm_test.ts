/** Shared memory objects as Darwin has them. */

import {
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  PAGE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  testRules,
  text,
  withMemory,
  withObject,
} from "./_calls.ts";

const RW = PROT_READ | PROT_WRITE;
const page = BigInt(PAGE);
const O_TRUNC = 0x400;

testRules("the twin names shared memory as Darwin does", [
  [
    "shm_open() of 31 bytes and of 32, the / among them",
    (c) =>
      [31, 32].map((length) => {
        const name = text("/".padEnd(length, "x"));
        const answer = c.said(c.shm_open(name, O_RDWR | O_CREAT, 0o600));
        if (typeof answer === "number") [c.close(answer), c.shm_unlink(name)];
        return typeof answer === "number" ? "made" : answer;
      }),
    ["made", "E63"],
  ],
  ["shm_open() of no name", (c) => c.said(c.shm_open(text(""), O_RDWR | O_CREAT, 0o600)), "E22"],
  ["shm_open() of what is not there", (c) => c.said(c.shm_open(text("/no"), O_RDWR, 0)), "E2"],
  [
    "shm_open() with O_CREAT and O_EXCL of what is there",
    (c) => withObject(c, (_, name) => c.said(c.shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600))),
    "E17",
  ],
  [
    "shm_open() with Linux's O_CLOEXEC and O_EXCL",
    (c) => [0x80000, 0x80].map((flag) => c.said(c.shm_open(text("/no"), O_RDWR | flag, 0))),
    ["E22", "E22"],
  ],
  [
    "shm_open() with O_TRUNC of an object that has its size",
    (c) => withObject(c, (_, name) => c.said(c.shm_open(name, O_RDWR | O_TRUNC, 0))),
    "E22",
  ],
  [
    "shm_unlink() of a name that is too long, and of none",
    (c) => [c.said(c.shm_unlink(text("/".padEnd(32, "x")))), c.said(c.shm_unlink(text("/no")))],
    ["E22", "E2"],
  ],
  [
    "a name that is removed can be given again, and is another object",
    (c) =>
      withObject(c, (fd, name) => {
        c.shm_unlink(name);
        return withMemory(c, { flags: MAP_SHARED, fd }, () => {
          const other = c.shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600);
          const answer = c.said(c.mmap(0n, page, RW, MAP_SHARED, other, 0n));
          c.close(other);
          return answer;
        });
      }),
    "E22", // it has no size yet
  ],
]);

testRules("the twin sizes and maps shared memory as Darwin does", [
  [
    "ftruncate() works once, and not to the same size",
    (c) =>
      withObject(c, (fd) => [c.said(c.ftruncate(fd, page)), c.said(c.ftruncate(fd, 2n * page))]),
    ["E22", "E22"],
  ],
  [
    "ftruncate() to 0 is that one time",
    (c) => {
      const fd = c.shm_open(text("/twin.empty"), O_RDWR | O_CREAT | O_EXCL, 0o600);
      const answers = [c.said(c.ftruncate(fd, 0n)), c.said(c.ftruncate(fd, page))];
      c.close(fd);
      c.shm_unlink(text("/twin.empty"));
      return answers;
    },
    [0, "E22"],
  ],
  [
    "fstat() tells no type, no inode and no device; its size is of whole pages; no umask",
    (c) => {
      const name = text("/twin.status");
      const fd = c.shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o666);
      const status = new DataView(new ArrayBuffer(144));
      c.ftruncate(fd, 100n);
      c.fstat$INODE64!(fd, new Uint8Array(status.buffer));
      c.close(fd);
      c.shm_unlink(name);
      return [
        ...[status.getInt32(0, true), status.getUint16(4, true)],
        ...[Number(status.getBigUint64(8, true)), Number(status.getBigInt64(96, true))],
      ];
    },
    [0, 0o666, 0, PAGE],
  ],
  [
    "it is close-on-exec",
    (c) => withObject(c, (fd) => c.fcntl(fd, 1, 0n)),
    1,
  ],
  [
    "mmap() private, beyond the end, and executable",
    (c) =>
      withObject(c, (fd) => [
        c.said(c.mmap(0n, page, RW, MAP_PRIVATE, fd, 0n)),
        c.said(c.mmap(0n, 2n * page, RW, MAP_SHARED, fd, 0n)),
        c.said(c.mmap(0n, page, RW, MAP_SHARED, fd, page)),
        c.said(c.mmap(0n, page, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0n)),
      ]),
    ["E22", "E22", "E22", "E22"],
  ],
  [
    "mprotect() to execute",
    (c) =>
      withObject(
        c,
        (fd) =>
          withMemory(c, { flags: MAP_SHARED, fd }, (at) =>
            c.said(c.mprotect(at, page, PROT_READ | PROT_EXEC))),
      ),
    "E13",
  ],
  [
    "mmap() for writing of an object that is open for reading",
    (c) =>
      withObject(c, (_, name) => {
        const fd = c.shm_open(name, O_RDONLY, 0);
        const answer = c.said(c.mmap(0n, page, RW, MAP_SHARED, fd, 0n));
        c.close(fd);
        return answer;
      }),
    "E1",
  ],
  [
    "read(), write() and lseek()",
    (c) =>
      withObject(c, (fd) => [
        c.said(c.read(fd, new Uint8Array(1), 1n)),
        c.said(c.write(fd, new Uint8Array(1), 1n)),
        c.said(c.lseek(fd, 0n, 2)),
      ]),
    ["E6", "E6", "E29"],
  ],
  [
    "fsync() and flock()",
    (c) => withObject(c, (fd) => [c.said(c.fsync(fd)), c.said(c.flock(fd, 6))]),
    ["E45", "E45"],
  ],
  [
    "fcntl() that is for files: preallocate, path, full sync, locks, holes",
    (c) =>
      withObject(
        c,
        (fd) =>
          [42, 50, 51, 90, 92, 99].map((command) =>
            c.said(c.fcntlBuffer(fd, command, new Uint8Array(1024)))
          ),
      ),
    ["E9", "E9", "E9", "E9", "E9", "E9"],
  ],
]);
