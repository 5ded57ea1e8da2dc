/** The constants against the C headers of this machine and, by a cross compiler, of arm64. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import * as libc from "@mmap/mmap/libc";
import * as constants from "../../ffi/constants.ts";
import * as darwin from "../../ffi/constants_darwin.ts";
import * as linux from "../../ffi/constants_linux.ts";
import { linux as linuxAlone } from "../_capabilities.ts";
import { compileC, hasProgram, runC } from "../_gcc.ts";
import { resultOf } from "../_child.ts";

const HEADERS = [
  "fcntl.h",
  "poll.h",
  "signal.h",
  "time.h",
  "stdio.h",
  "sys/mman.h",
  "sys/prctl.h",
  "sys/file.h",
  "sys/socket.h",
  "sys/stat.h",
  "sys/syscall.h",
  "sys/uio.h",
  "unistd.h",
  "linux/falloc.h",
  "linux/futex.h",
  "linux/magic.h",
  "linux/mman.h",
];

const PROLOGUE = "#define _GNU_SOURCE\n" +
  HEADERS.map((header) => `#include <${header}>\n`).join("");

type Values = Record<string, number | undefined>;

/** What headers older than Linux 6.7 lack, or those older than 5.14. */
const NEW_NAMES = ["FUTEX2_SIZE_U32", "FUTEX2_PRIVATE", "SECRETMEM_MAGIC"];

/** C code that needs a name, left out where these headers may lack it. */
function ifDefined(name: string, code: string): string {
  return NEW_NAMES.includes(name) ? `\n#ifdef ${name}\n${code}\n#endif\n` : `${code}\n`;
}

/** Those that the platform has. */
function defined(values: Values): [string, number][] {
  return Object.entries(values).filter((entry): entry is [string, number] =>
    entry[1] !== undefined
  );
}

/** The values as they are when the module runs on arm64. */
async function linuxOnArm64(): Promise<Values> {
  return await resultOf(new URL("_arm64_constants.ts", import.meta.url));
}

Deno.test({
  name: "constants_linux has the values of this machine's headers",
  ignore: linuxAlone.ignore || !hasProgram("gcc"),
  async fn(): Promise<void> {
    const prints = defined(linux).map(([name]) =>
      ifDefined(name, `printf("${name} %lld\\n", (long long)${name});`)
    );
    const output = await runC(`${PROLOGUE}int main(void) { ${prints.join("")} return 0; }`);
    const fromC = new Map(
      output.trimEnd().split("\n").map((line) => line.split(" "))
        .map(([name, value]) => [name!, Number(value)]),
    );
    for (const [name, value] of defined(linux)) {
      if (fromC.has(name) || !NEW_NAMES.includes(name)) assertEquals(value, fromC.get(name), name);
    }
  },
});

Deno.test({
  name: "constants_linux has the values of the arm64 headers when it runs there",
  ignore: !hasProgram("aarch64-linux-gnu-gcc"),
  async fn(): Promise<void> {
    const values = defined(await linuxOnArm64());
    assertEquals(values.length, defined(linux).length);
    const asserts = values.map(([name, value]) =>
      ifDefined(name, `_Static_assert(${name} == ${value}, "${name}");`)
    );
    await compileC(PROLOGUE + asserts.join(""), {
      compiler: "aarch64-linux-gnu-gcc",
      args: ["-fsyntax-only"],
    });
  },
});

Deno.test("constants_linux and constants_darwin list the same names", () => {
  assertEquals(Object.keys(darwin).sort(), Object.keys(linux).sort());
  assertEquals(Object.keys(constants).sort(), Object.keys(linux).sort());
});

Deno.test("constants are those of the platform at hand", () => {
  const here = Deno.build.os === "darwin" ? darwin : linux;
  assertEquals({ ...constants }, { ...here } as unknown as typeof constants);
});

Deno.test("constants_darwin differs from Linux where Apple's headers do", () => {
  const apple: Values = {
    MAP_ANON: 0x1000,
    MAP_ANONYMOUS: 0x1000,
    MAP_NORESERVE: 0x40,
    MS_SYNC: 0x10,
    MADV_FREE: 5,
    O_NONBLOCK: 4,
    O_APPEND: 8,
    O_NOFOLLOW: 0x100,
    O_CREAT: 0x200,
    O_TRUNC: 0x400,
    O_EXCL: 0x800,
    O_NOCTTY: 0x20000,
    O_DIRECTORY: 0x100000,
    O_CLOEXEC: 0x1000000,
    F_DUPFD_CLOEXEC: 67,
    F_FULLFSYNC: 51,
    AT_FDCWD: -2,
    _SC_PAGESIZE: 29,
    _SC_NPROCESSORS_ONLN: 58,
  };
  const ours = Object.fromEntries(
    Object.keys(apple).map((name) => [name, (darwin as Values)[name]]),
  );
  assertEquals(ours, apple);
});

Deno.test("constants_darwin agrees with Linux where Apple's headers do", () => {
  const shared = Object.keys(linux).filter((name) =>
    /^(PROT_|MADV_(NORMAL|RANDOM|SEQUENTIAL|WILLNEED|DONTNEED)$|S_IF|MAP_(SHARED|PRIVATE|FIXED)$)/
      .test(name)
  );
  assertEquals(shared.length, 17);
  for (const name of shared) {
    assertStrictEquals((darwin as Values)[name], (linux as Values)[name], name);
  }
});

Deno.test("./libc exports the constants that its calls take, and no others", () => {
  const families = /^(PROT_|MAP_|MS_|MADV_|MREMAP_|O_|S_I|MFD_|_SC_)/;
  const taken = Object.keys(constants).filter((name) => families.test(name));
  const exported = Object.keys(libc).filter((name) => /^[A-Z_]/.test(name));
  assertEquals(exported.sort(), taken.sort());
});

Deno.test("constants_darwin leaves undefined what macOS lacks, and never makes it 0", () => {
  const lacking = [
    "MAP_POPULATE",
    "MAP_FIXED_NOREPLACE",
    "MAP_LOCKED",
    "MREMAP_MAYMOVE",
    "MFD_CLOEXEC",
    "F_ADD_SEALS",
    "MADV_POPULATE_READ",
    "FALLOC_FL_PUNCH_HOLE",
  ];
  for (const name of lacking) assertStrictEquals((darwin as Values)[name], undefined, name);
  assertStrictEquals((linux as Values).F_FULLFSYNC, undefined);
});
