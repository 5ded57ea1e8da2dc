/** The stored machine code is what its sources compile to. */

import { assertEquals } from "@std/assert";
import { GUARD_CODE } from "../../ffi/guard/code.ts";
import { DARWIN_GUARD_CODE } from "../../ffi/guard/code_darwin.ts";
import { WINDOWS_GUARD_CODE } from "../../ffi/guard/code_windows.ts";
import type { MachineCode } from "../../ffi/machine_code.ts";
import { SEARCH_OFFSET, TABLE_OFFSET } from "../../ffi/guard/layout.ts";
import { SEARCH_CODE } from "../../ffi/search/code.ts";
import { WINDOWS_SEARCH_CODE } from "../../ffi/search/code_windows.ts";
import { STORE_CODE } from "../../ffi/store/code.ts";
import {
  type Architecture,
  compile,
  COMPILERS,
  compilerVersion,
  nameOf,
  type Piece,
  runHere,
} from "../../tools/build_native.ts";
import { withTempDir } from "../_files.ts";
import { HAS_HOST, runOnHost } from "../_host.ts";

const CODE: Record<Piece, MachineCode> = {
  guard: GUARD_CODE,
  darwinGuard: DARWIN_GUARD_CODE,
  windowsGuard: WINDOWS_GUARD_CODE,
  search: SEARCH_CODE,
  windowsSearch: WINDOWS_SEARCH_CODE,
  store: STORE_CODE,
};

/** Behind the signature. */
function instructionsOf(code: MachineCode, architecture: Architecture): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(code[architecture].lines.join("")).slice(64);
}

/** Whether code asks the kernel by itself. */
const HAS_SYSTEM_CALL: Record<Architecture, (code: Uint8Array<ArrayBuffer>) => boolean> = {
  x86_64: (code) => code.some((byte, at) => byte === 0x0f && code[at + 1] === 0x05),
  aarch64: (code) =>
    new Uint32Array(code.buffer).some((word) => (word & 0xffe0001f) >>> 0 === 0xd4000001),
};

/** Its compilers are those of Linux. */
const run = HAS_HOST ? runOnHost : runHere;

for (const architecture of Object.keys(COMPILERS) as Architecture[]) {
  const isOfLinux = Deno.build.os !== "windows" || HAS_HOST;
  const installed = isOfLinux ? await compilerVersion(architecture, run) : undefined;

  for (const piece of Object.keys(CODE) as Piece[]) {
    const { compilerVersion: recorded, lines } = CODE[piece][architecture];
    const ignore = installed !== recorded;
    Deno.test({
      name:
        `the code of ${piece} for ${architecture} is what gcc ${recorded} makes of ${
          nameOf(piece)
        }` +
        (ignore ? ` (ignored: the compiler here is ${installed ?? "missing"})` : ""),
      ignore,
      fn: async () => {
        const code = await compile(piece, architecture, run);
        assertEquals(lines.join(""), code.toHex());
      },
    });
  }

  for (const piece of ["guard", "darwinGuard", "windowsGuard"] as const) {
    Deno.test(`the code of ${piece} for ${architecture} has its signature and room for what follows`, () => {
      const code = Uint8Array.fromHex(CODE[piece][architecture].lines.join(""));
      const words = new BigUint64Array(code.slice(0, 64).buffer);
      assertEquals(new TextDecoder().decode(code.subarray(0, 8)), "MM_GUAD1");
      assertEquals([...words.subarray(1)], [3n, 65536n, 0n, 0n, 0n, 0n, 0n]);
      assertEquals(code.length > 64 && code.length < 8192, true);
    });
  }

  Deno.test(`the code of guard alone for ${architecture} makes system calls of its own`, () => {
    const hasCall = (code: MachineCode) =>
      HAS_SYSTEM_CALL[architecture](instructionsOf(code, architecture));
    const codes = [GUARD_CODE, DARWIN_GUARD_CODE, WINDOWS_GUARD_CODE];
    assertEquals(codes.map(hasCall), [true, false, false]);
  });
}

Deno.test("the code of search has room between the guard's code and the table", () => {
  for (
    const { lines } of [SEARCH_CODE, WINDOWS_SEARCH_CODE].flatMap((code) => Object.values(code))
  ) {
    assertEquals(SEARCH_OFFSET >= 16384, true); // the guard's functions on macOS are at 8192
    assertEquals(lines.join("").length / 2 < TABLE_OFFSET - SEARCH_OFFSET, true);
  }
});

const DISASSEMBLER = "aarch64-linux-gnu-objdump";

Deno.test({
  name:
    "the code for aarch64 of darwinGuard, windowsGuard, search and windowsSearch leaves x18 to the system",
  ignore: !(await run(DISASSEMBLER, ["--version"])).success,
  fn: () =>
    withTempDir(async (dir) => {
      const usesX18 = async (code: MachineCode): Promise<boolean> => {
        Deno.writeFileSync(`${dir}/code`, instructionsOf(code, "aarch64"));
        const args = ["-b", "binary", "-m", "aarch64", "-D", `${dir}/code`];
        return /\b[wx]18\b/.test((await run(DISASSEMBLER, args)).stdout);
      };
      const used: boolean[] = [];
      const codes = [DARWIN_GUARD_CODE, WINDOWS_GUARD_CODE, SEARCH_CODE, WINDOWS_SEARCH_CODE];
      for (const code of [GUARD_CODE, ...codes]) used.push(await usesX18(code));
      assertEquals(used, [true, false, false, false, false]);
    }),
});
