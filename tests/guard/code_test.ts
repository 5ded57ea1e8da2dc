/** The stored machine code of the guard is what its source compiles to. */

import { assertEquals } from "@std/assert";
import { GUARD_CODE } from "../../ffi/guard/code.ts";
import { type Architecture, compile, COMPILERS, compilerVersion } from "../../tools/build_guard.ts";

for (const architecture of Object.keys(COMPILERS) as Architecture[]) {
  const { compilerVersion: recorded, lines } = GUARD_CODE[architecture];
  const installed = await compilerVersion(architecture);
  const ignore = installed !== recorded;

  Deno.test({
    name: `GUARD_CODE.${architecture} is what gcc ${recorded} makes of guard.c` +
      (ignore ? ` (ignored: the compiler here is ${installed ?? "missing"})` : ""),
    ignore,
    fn: async () => {
      const code = await compile(architecture);
      assertEquals(lines.join(""), code.toHex());
    },
  });

  Deno.test(`GUARD_CODE.${architecture} begins with the signature and fits before the table`, () => {
    const code = Uint8Array.fromHex(lines.join(""));
    const words = new BigUint64Array(code.slice(0, 64).buffer);
    assertEquals(new TextDecoder().decode(code.subarray(0, 8)), "MM_GUAD1");
    assertEquals([...words.subarray(1)], [1n, 65536n, 0n, 0n, 0n, 0n, 0n]);
    assertEquals(code.length > 64 && code.length < 4096, true);
  });
}
