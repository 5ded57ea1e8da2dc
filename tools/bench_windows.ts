/**
 * Measures what the module costs on Windows (`bench/windows_ratios.ts`), all of it under Wine:
 * `deno run -A tools/bench_windows.ts`. Needs what `deno task test:windows` needs, and
 * `apt-get install gcc-mingw-w64-x86-64`.
 */

import { run } from "./_run.ts";
import { inNamespace, startWine } from "./windows/wine.ts";

async function main(): Promise<number> {
  await using wine = await startWine();
  const { program } = wine;
  const folder = `${program.replace(/[^/]*$/, "")}root/peers`;
  await Deno.mkdir(folder);
  for (const name of ["windows_hand_over", "windows_file"]) {
    const args = ["-O2", "-o", `${folder}/${name}.exe`, `bench/peers/${name}.c`];
    await run("x86_64-w64-mingw32-gcc", args);
  }
  const args = ["run", "-A", "--no-check", "--no-lock", "bench/windows_ratios.ts", "Z:/peers"];
  return (await new Deno.Command(program, { args }).spawn().status).code;
}

Deno.exit(await inNamespace(import.meta.filename!) ?? await main());
