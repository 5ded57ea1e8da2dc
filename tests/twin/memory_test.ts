/** Ranges of memory as Darwin has them. */

import { assertEquals } from "@std/assert";
import { buildTwin } from "../../tools/darwin/build.ts";
import { runChild } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { hasProgram } from "../_gcc.ts";
import {
  addressOf,
  bytesAt,
  MAP_ANON,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  O_RDONLY,
  PAGE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  type Rule,
  testRules,
  text,
  withFile,
  withMemory,
  withObject,
} from "./_calls.ts";

const RW = PROT_READ | PROT_WRITE;
const page = BigInt(PAGE);
const anonymous = { flags: MAP_PRIVATE | MAP_ANON };

const MAPPING: Rule[] = [
  ["mmap() of nothing", (c) => c.said(c.mmap(0n, 0n, RW, MAP_ANON | MAP_PRIVATE, -1, 0n)), "E22"],
  [
    "mmap() neither shared nor private",
    (c) => c.said(c.mmap(0n, page, RW, MAP_ANON, -1, 0n)),
    "E22",
  ],
  [
    "mmap() with Linux's MAP_POPULATE, MAP_STACK and MAP_FIXED_NOREPLACE",
    (c) =>
      [0x100000, 0x200000, 0x800000]
        .map((flag) => c.said(c.mmap(0n, page, RW, MAP_ANON | MAP_PRIVATE | flag, -1, 0n))),
    ["E22", "E22", "E22"],
  ],
  [
    "mmap() with Linux's MAP_ANONYMOUS is one of a file",
    (c) => c.said(c.mmap(0n, page, RW, MAP_PRIVATE | 0x20, -1, 0n)),
    "E9",
  ],
  [
    "mach_vm_remap() puts private memory over other memory, with no tag of its own",
    (c) =>
      withMemory(
        c,
        { flags: MAP_PRIVATE | MAP_ANON },
        (from) =>
          withMemory(c, { flags: MAP_PRIVATE | MAP_ANON }, (to) => {
            bytesAt(from, 1)[0] = 7;
            const address = BigUint64Array.of(to);
            const remap = (flags: number): number =>
              c.mach_vm_remap(
                ...[0x203, new Uint8Array(address.buffer), page, 0n, flags, 0x203, from] as const,
                ...[0, new Uint8Array(4), new Uint8Array(4), 1] as const,
              );
            const OVERWRITE = 0x4000;
            return [remap(OVERWRITE | 244 << 24), remap(OVERWRITE), bytesAt(to, 1)[0]];
          }),
      ),
    [4, 0, 7],
  ],
  [
    "mmap() of anonymous memory with a descriptor",
    (c) => c.said(c.mmap(0n, page, RW, MAP_ANON | MAP_PRIVATE, 0, 0n)),
    "E22",
  ],
  [
    "mmap() at an odd address, and of an odd offset",
    (c) =>
      withFile(c, PAGE, (fd) => [
        c.said(c.mmap(1n, page, RW, MAP_ANON | MAP_PRIVATE | MAP_FIXED, -1, 0n)),
        c.said(c.mmap(0n, page, RW, MAP_SHARED, fd, 1n)),
      ]),
    ["E22", "E22"],
  ],
  [
    "mmap() of /dev/zero and of a folder",
    (c) =>
      ["/dev/zero", "/"].map((path) => {
        const fd = c.open(text(path), O_RDONLY, 0);
        const answer = c.said(c.mmap(0n, page, PROT_READ, MAP_PRIVATE, fd, 0n));
        c.close(fd);
        return answer;
      }),
    ["E19", "E22"],
  ],
  [
    "mmap() for writing of a file that is open for reading",
    (c) =>
      withFile(c, PAGE, (_, path) => {
        const fd = c.open(text(path), O_RDONLY, 0);
        const answer = c.said(c.mmap(0n, page, RW, MAP_SHARED, fd, 0n));
        c.close(fd);
        return answer;
      }),
    "E13",
  ],
  [
    "munmap() of nothing, and of an odd address",
    (c) => [c.said(c.munmap(page, 0n)), c.said(c.munmap(1n, page))],
    ["E22", "E22"],
  ],
  [
    "msync() of a hole",
    (c) =>
      withMemory(c, { ...anonymous, pages: 3 }, (at) => {
        c.munmap(at + page, page);
        return c.said(c.msync(at, 3n * page, 0x10));
      }),
    "E12",
  ],
  [
    "msync() of nothing, with both ways, and with Linux's MS_SYNC",
    (c) =>
      withMemory(c, anonymous, (at) => [
        c.said(c.msync(at, 0n, 0x10)),
        c.said(c.msync(at, page, 0x11)),
        c.said(c.msync(at, page, 4)),
        c.said(c.msync(at, page, 0x10)),
      ]),
    ["E22", "E22", "E22", 0],
  ],
];

/** What a byte is after an advice, of memory that held 1. */
function afterAdvice(advice: number, flags = anonymous.flags, fd = -1): Rule[1] {
  return (c) =>
    withMemory(c, { flags, fd }, (at) => {
      const bytes = bytesAt(at, PAGE);
      bytes[5] = 1;
      return [c.said(c.madvise(at, page, advice)), bytes[5]];
    });
}

/** The same of a shared memory object. */
function afterAdviceOfObject(advice: number): Rule[1] {
  return (c, twin) => withObject(c, (fd) => afterAdvice(advice, MAP_SHARED, fd)(c, twin));
}

const [DONTNEED, FREE, PAGEOUT, ZERO] = [4, 5, 10, 11];

const ADVICE: Rule[] = [
  ["MADV_DONTNEED keeps what pages hold", afterAdvice(DONTNEED), [0, 1]],
  ["MADV_FREE may lose private memory", afterAdvice(FREE), [0, 0]],
  ["MADV_FREE may lose shared memory too", afterAdviceOfObject(FREE), [0, 0]],
  ["MADV_ZERO zeroes private memory", afterAdvice(ZERO), [0, 0]],
  ["MADV_ZERO zeroes shared memory", afterAdviceOfObject(ZERO), [0, 0]],
  ["MADV_PAGEOUT is not for users", afterAdvice(PAGEOUT), ["E45", 1]],
  ["madvise() with Linux's MADV_HUGEPAGE", afterAdvice(14), ["E22", 1]],
  [
    "MADV_FREE leaves files alone, and MADV_ZERO does not",
    (c) =>
      [FREE, ZERO].map((advice) =>
        withFile(c, PAGE, (fd) =>
          withMemory(c, { flags: MAP_SHARED, fd }, (at) => [
            c.said(c.madvise(at, page, advice)),
            bytesAt(at, PAGE)[5],
          ]))
      ),
    [[0, 65], [0, 0]],
  ],
  [
    "MADV_ZERO of a copy-on-write mapping, and of one that is not writable",
    (c) =>
      withFile(c, PAGE, (fd) =>
        withMemory(c, { flags: MAP_PRIVATE, fd }, (at) => {
          const private_ = c.said(c.madvise(at, page, ZERO));
          c.mprotect(at, page, PROT_READ);
          return [private_, c.said(c.madvise(at, page, ZERO))];
        })),
    ["E45", "E1"],
  ],
  [
    "madvise() of a hole",
    (c) =>
      withMemory(c, { ...anonymous, pages: 3 }, (at) => {
        c.munmap(at + page, page);
        return [0, 3, DONTNEED, FREE].map((advice) => c.said(c.madvise(at, 3n * page, advice)));
      }),
    ["E22", "E22", "E22", "E22"],
  ],
  [
    "mincore() has more bits, and takes holes",
    (c) =>
      withMemory(c, { ...anonymous, pages: 3 }, (at) => {
        bytesAt(at, 1)[0] = 1;
        c.munmap(at + 2n * page, page);
        const vector = new Uint8Array(3);
        return [c.said(c.mincore(at, 3n * page, vector)), ...vector];
      }),
    [0, 0x83, 0x80, 0x80],
  ],
  ["mlock() of a hole", (c) => c.said(c.mlock(page, page)), "E12"],
];

const COPIES: Rule[] = [
  [
    "mach_vm_read_overwrite() copies and tells how much",
    (c) => {
      const [source, target] = [Uint8Array.of(1, 2, 3), new Uint8Array(3)];
      const size = new BigUint64Array(1);
      const task = c.mach_task_self();
      const result = c.mach_vm_read_overwrite(
        task,
        addressOf(source),
        3n,
        addressOf(target),
        new Uint8Array(size.buffer),
      );
      return [result, Number(size[0]), ...target];
    },
    [0, 3, 1, 2, 3],
  ],
  [
    "copies answer where memory is missing, on either side",
    (c) =>
      withFile(c, PAGE, (fd) =>
        withMemory(c, { flags: MAP_SHARED, fd }, (at) => {
          c.ftruncate(fd, 0n);
          const [bytes, task] = [new Uint8Array(8), c.mach_task_self()];
          return [
            c.mach_vm_read_overwrite(task, at, 8n, addressOf(bytes), new Uint8Array(8)),
            c.mach_vm_write(task, at, addressOf(bytes), 8),
          ];
        })),
    [1, 1],
  ],
  [
    "mach_vm_write() to memory that is not writable",
    (c) =>
      withMemory(c, anonymous, (at) => {
        c.mprotect(at, page, PROT_READ);
        return c.mach_vm_write(c.mach_task_self(), at, addressOf(new Uint8Array(8)), 8);
      }),
    2,
  ],
  [
    "copies of another task",
    (c) => c.mach_vm_write(1, page, page, 8),
    4,
  ],
];

testRules("the twin maps memory as Darwin does", MAPPING);
testRules("the twin takes advice as Darwin does", ADVICE);
testRules("the twin copies memory as Darwin does", COPIES);

for (const [byteLength, died] of [[16384, null], [16385, "SIGBUS"]] as const) {
  Deno.test({
    name: `the twin's copy of ${byteLength} bytes that are missing ${died ?? "is an error"}`,
    ignore: Deno.build.os !== "linux" || !hasProgram("gcc"),
    async fn(): Promise<void> {
      await using twin = await buildTwin();
      await withTempDir(async (dir) => {
        const { signal, stdout, stderr } = await runChild(new URL("_lost.ts", import.meta.url), {
          args: [twin.library, `${dir}/lost`, byteLength],
        });
        assertEquals([signal, stdout], [died, died === null ? "1\n" : ""], stderr);
      });
    },
  });
}

testRules("the twin of macOS before 14.4 has no MADV_ZERO", [
  ["MADV_ZERO", afterAdvice(ZERO), ["E22", 1]],
], { old: true });

testRules("the twin of Apple silicon has no memory that is writable and executable", [
  ["mmap()", (c) => c.said(c.mmap(0n, page, 7, MAP_ANON | MAP_PRIVATE, -1, 0n)), "E13"],
  ["mprotect()", (c) => withMemory(c, anonymous, (at) => c.said(c.mprotect(at, page, 6))), "E13"],
  [
    "mprotect() to read and execute",
    (c) => withMemory(c, anonymous, (at) => c.said(c.mprotect(at, page, PROT_READ | PROT_EXEC))),
    0,
  ],
], { arch: "aarch64" });

testRules("the twin can have larger pages", [
  ["sysconf()", (c) => c.said(c.sysconf(29)), 16384],
  ["mmap() aligns", (c) => withMemory(c, anonymous, (at) => Number(at % 16384n)), 0],
  [
    "mmap() of an offset of 4 KiB",
    (c) => withFile(c, 2 * PAGE, (fd) => c.said(c.mmap(0n, page, 1, 1, fd, page))),
    "E22",
  ],
], { page: 16384 });
