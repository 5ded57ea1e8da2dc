/** The machine code in languages/python/mmap_peer.py. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { withTempDir } from "../_files.ts";
import { hasProgram } from "../_gcc.ts";
import { PythonPeer, testWithPython } from "./_peer.ts";

for (
  const [machine, prefix] of [["x86_64", "x86_64-linux-gnu-"], ["aarch64", "aarch64-linux-gnu-"]]
) {
  testWithPython(
    `the machine code for ${machine} is what its source says`,
    () =>
      withTempDir(async (dir) => {
        const source = fromFileUrl(new URL(`_code_${machine}.s`, import.meta.url));
        const commands = [
          ["as", "-o", `${dir}/code.o`, source],
          ["objcopy", "-O", "binary", "-j", ".text", `${dir}/code.o`, `${dir}/code`],
        ];
        for (const [program, ...args] of commands) {
          const { success } = await new Deno.Command(prefix + program!, { args }).output();
          assertEquals(success, true, program);
        }
        await using python = new PythonPeer();
        assertEquals(await python.ask("code", machine!), Deno.readFileSync(`${dir}/code`));
      }),
    { ignore: !hasProgram(`${prefix}as`) },
  );
}
