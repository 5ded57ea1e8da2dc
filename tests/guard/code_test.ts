/** The stored machine code is what its sources compile to. */

import { assertEquals } from "@std/assert";
import { GUARD_CODE } from "../../ffi/guard/code.ts";
import type { MachineCode } from "../../ffi/machine_code.ts";
import { STORE_CODE } from "../../ffi/store/code.ts";
import {
  type Architecture,
  compile,
  COMPILERS,
  compilerVersion,
  type Piece,
} from "../../tools/build_native.ts";

const CODE: Record<Piece, MachineCode> = { guard: GUARD_CODE, store: STORE_CODE };

for (const architecture of Object.keys(COMPILERS) as Architecture[]) {
  const installed = await compilerVersion(architecture);

  for (const piece of Object.keys(CODE) as Piece[]) {
    const { compilerVersion: recorded, lines } = CODE[piece][architecture];
    const ignore = installed !== recorded;
    Deno.test({
      name: `the code of ${piece} for ${architecture} is what gcc ${recorded} makes of ${piece}.c` +
        (ignore ? ` (ignored: the compiler here is ${installed ?? "missing"})` : ""),
      ignore,
      fn: async () => {
        const code = await compile(piece, architecture);
        assertEquals(lines.join(""), code.toHex());
      },
    });
  }

  Deno.test(`GUARD_CODE.${architecture} begins with the signature and fits before the table`, () => {
    const code = Uint8Array.fromHex(GUARD_CODE[architecture].lines.join(""));
    const words = new BigUint64Array(code.slice(0, 64).buffer);
    assertEquals(new TextDecoder().decode(code.subarray(0, 8)), "MM_GUAD1");
    assertEquals([...words.subarray(1)], [3n, 65536n, 0n, 0n, 0n, 0n, 0n]);
    assertEquals(code.length > 64 && code.length < 4096, true);
  });
}
