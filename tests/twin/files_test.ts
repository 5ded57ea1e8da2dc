/** Files as Darwin has them. */

import { assertEquals } from "@std/assert";
import {
  addressOf,
  O_RDONLY,
  O_RDWR,
  PAGE,
  type Rule,
  testRules,
  text,
  withFile,
} from "./_calls.ts";

const [PREALLOCATE, GETPATH, FULLFSYNC, PUNCHHOLE] = [42, 50, 51, 99];
const [OFD_SETLK, OFD_GETLK] = [90, 92];
const [RDLCK, UNLCK, WRLCK] = [1, 2, 3];

/** fstore_t */
function store(
  flags: number,
  mode: number,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const fields = new DataView(new ArrayBuffer(32));
  fields.setUint32(0, flags, true);
  fields.setInt32(4, mode, true);
  fields.setBigInt64(8, BigInt(offset), true);
  fields.setBigInt64(16, BigInt(length), true);
  return new Uint8Array(fields.buffer);
}

/** fpunchhole_t */
function hole(offset: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigInt64Array.of(0n, BigInt(offset), BigInt(length)).buffer);
}

/** struct flock, of the byte at 3 */
function lock(type: number): Uint8Array<ArrayBuffer> {
  const fields = new DataView(new ArrayBuffer(24));
  fields.setBigInt64(0, 3n, true);
  fields.setBigInt64(8, 1n, true);
  fields.setInt16(20, type, true);
  return new Uint8Array(fields.buffer);
}

/** Which lock stands in the way, as the answer to a question tells. */
function typeIn(bytes: Uint8Array<ArrayBuffer>): number {
  return new DataView(bytes.buffer).getInt16(20, true);
}

/** What a command does to a file that is open for reading. */
function readOnly(command: number, argument: Uint8Array<ArrayBuffer>): Rule[1] {
  return (c) =>
    withFile(c, PAGE, (_, path) => {
      const fd = c.open(text(path), O_RDONLY, 0);
      const answer = c.said(c.fcntlBuffer(fd, command, argument));
      c.close(fd);
      return answer;
    });
}

testRules("the twin opens and reads as Darwin does", [
  [
    "open() with Linux's O_CLOEXEC, O_CREAT and O_PATH",
    (c) => [0x80000, 0x40, 0x4000].map((flag) => c.said(c.open(text("/"), flag, 0))),
    ["E22", "E22", "E22"],
  ],
  [
    "open() of /proc and of /dev/shm: there is no such thing",
    (c) => ["/proc/self/maps", "/proc", "/dev/shm"].map((path) => c.said(c.open(text(path), 0, 0))),
    ["E2", "E2", "E2"],
  ],
  [
    "readlink() and opendir() of /proc",
    (c) => [
      c.said(c.readlink(text("/proc/self/exe"), new Uint8Array(100), 100n)),
      c.opendir$INODE64!(text("/proc/self/fd")),
    ],
    ["E2", null],
  ],
  [
    "lseek() has the numbers of holes and data the other way round",
    (c) =>
      withFile(c, PAGE, (fd) => [
        c.ftruncate(fd, BigInt(16 * PAGE)),
        c.said(c.lseek(fd, 0n, 3)),
        c.said(c.lseek(fd, 0n, 4)),
      ]),
    [0, PAGE, 0],
  ],
  [
    "F_GETFL and F_SETFL have Darwin's bits",
    (c) =>
      withFile(c, PAGE, (fd) => [
        c.said(c.fcntl(fd, 4, 12n)),
        c.said(c.fcntl(fd, 3, 0n)),
        c.said(c.fcntl(fd, 4, 0x800n)), // Linux's O_NONBLOCK is O_EXCL, which does nothing here
        c.said(c.fcntl(fd, 3, 0n)),
      ]),
    [0, O_RDWR | 12, 0, O_RDWR],
  ],
  ["fcntl() of Linux's F_DUPFD_CLOEXEC", (c) => c.said(c.fcntl(0, 1030, 0n)), "E22"],
  ["fcntl() of no descriptor", (c) => c.said(c.fcntl(-1, 1, 0n)), "E9"],
  [
    "fstat() of x86-64 has two layouts",
    (c) =>
      withFile(c, 5, (fd, path) => {
        const [full, old] = [
          new DataView(new ArrayBuffer(144)),
          new DataView(new ArrayBuffer(144)),
        ];
        c.fstat$INODE64!(fd, new Uint8Array(full.buffer));
        c.fstat(fd, new Uint8Array(old.buffer));
        const { ino } = Deno.statSync(path);
        assertEquals(full.getBigUint64(8, true), BigInt(ino!));
        assertEquals(old.getUint32(4, true), Number(BigInt(ino!) & 0xffffffffn));
        return [full.getBigInt64(96, true), old.getBigInt64(72, true)];
      }),
    [5n, 5n],
  ],
  [
    "readdir() of x86-64 has two layouts",
    (c) => {
      const dir = Deno.makeTempDirSync();
      Deno.writeTextFileSync(`${dir}/file`, "");
      const names = ([
        [c.opendir$INODE64!, c.readdir$INODE64!, 21],
        [c.opendir, c.readdir, 8],
      ] as const).map(([opendir, readdir, offset]) => {
        const directory = opendir(text(dir));
        const found = [];
        for (let entry; (entry = readdir(directory)) !== null;) {
          found.push(new Deno.UnsafePointerView(entry).getCString(offset));
        }
        c.closedir(directory);
        return found.sort();
      });
      Deno.removeSync(dir, { recursive: true });
      return names;
    },
    [[".", "..", "file"], [".", "..", "file"]],
  ],
]);

testRules("the twin controls files as Darwin does", [
  [
    "F_PREALLOCATE takes blocks behind the end, and keeps the length",
    (c) =>
      withFile(c, PAGE, (fd, path) => {
        const before = Deno.statSync(path).blocks!;
        const fields = store(4, 3, 0, 10 * PAGE);
        const answer = c.said(c.fcntlBuffer(fd, PREALLOCATE, fields));
        const { size, blocks } = Deno.statSync(path);
        const allocated = Number(new DataView(fields.buffer).getBigInt64(24, true));
        return [answer, size, allocated, (blocks! - before) * 512];
      }),
    [0, PAGE, 10 * PAGE, 10 * PAGE],
  ],
  [
    "F_PREALLOCATE at an offset, or of another mode",
    (c) =>
      withFile(c, PAGE, (fd) => [
        c.said(c.fcntlBuffer(fd, PREALLOCATE, store(4, 3, PAGE, PAGE))),
        c.said(c.fcntlBuffer(fd, PREALLOCATE, store(4, 0, 0, PAGE))),
      ]),
    ["E22", "E22"],
  ],
  ["F_PREALLOCATE of what is open for reading", readOnly(PREALLOCATE, store(4, 3, 0, PAGE)), "E9"],
  [
    "F_PUNCHHOLE makes zeros and gives blocks back",
    (c) =>
      withFile(c, 4 * PAGE, (fd, path) => {
        const before = Deno.statSync(path).blocks!;
        const answer = c.said(c.fcntlBuffer(fd, PUNCHHOLE, hole(PAGE, 2 * PAGE)));
        const { size, blocks } = Deno.statSync(path);
        return [answer, size, (before - blocks!) * 512, Deno.readFileSync(path)[PAGE]];
      }),
    [0, 4 * PAGE, 2 * PAGE, 0],
  ],
  [
    "F_PUNCHHOLE of parts of blocks",
    (c) =>
      withFile(
        c,
        4 * PAGE,
        (fd) =>
          [hole(1, PAGE), hole(PAGE, 100), hole(PAGE, 0)].map((argument) =>
            c.said(c.fcntlBuffer(fd, PUNCHHOLE, argument))
          ),
      ),
    ["E22", "E22", "E22"],
  ],
  ["F_PUNCHHOLE of what is open for reading", readOnly(PUNCHHOLE, hole(0, PAGE)), "E1"],
  [
    "F_GETPATH tells the path, and none of what is removed",
    (c) =>
      withFile(c, PAGE, (fd, path) => {
        const found = new Uint8Array(1024);
        assertEquals(c.said(c.fcntlBuffer(fd, GETPATH, found)), 0);
        const told = new TextDecoder().decode(found.subarray(0, found.indexOf(0)));
        assertEquals(told, Deno.realPathSync(path));
        Deno.removeSync(path);
        const answer = c.said(c.fcntlBuffer(fd, GETPATH, found));
        Deno.writeTextFileSync(path, ""); // which is removed at the end
        return answer;
      }),
    "E2",
  ],
  ["F_FULLFSYNC", (c) => withFile(c, PAGE, (fd) => c.said(c.fcntl(fd, FULLFSYNC, 0n))), 0],
  [
    "F_OFD_SETLK locks against another description, and F_OFD_GETLK tells of it",
    (c) =>
      withFile(c, PAGE, (fd, path) => {
        const other = c.open(text(path), O_RDWR, 0);
        const ask = lock(WRLCK);
        const own = lock(WRLCK);
        const answers = [
          c.said(c.fcntlBuffer(fd, OFD_SETLK, lock(RDLCK))),
          c.said(c.fcntlBuffer(other, OFD_SETLK, lock(WRLCK))),
          c.said(c.fcntlBuffer(other, OFD_GETLK, ask)),
          typeIn(ask),
          c.said(c.fcntlBuffer(fd, OFD_GETLK, own)),
          typeIn(own),
          c.said(c.fcntlBuffer(fd, OFD_SETLK, lock(UNLCK))),
          c.said(c.fcntlBuffer(other, OFD_SETLK, lock(WRLCK))),
        ];
        c.close(other);
        return answers;
      }),
    [0, "E35", 0, RDLCK, 0, UNLCK, 0, 0],
  ],
  ["F_OFD_SETLK for writing of what is open for reading", readOnly(OFD_SETLK, lock(WRLCK)), "E9"],
  [
    "F_OFD_SETLK with Linux's F_RDLCK, which is 0",
    (c) => withFile(c, PAGE, (fd) => c.said(c.fcntl(fd, OFD_SETLK, addressOf(lock(0))))),
    "E22",
  ],
]);
