/**
 * What the module costs on Windows, as ratios within one run, all of it under Wine:
 * `deno run -A bench/windows_ratios.ts`. Needs what `deno task test:windows` needs, and
 * `apt-get install gcc-mingw-w64-x86-64`.
 */

import { output, peerPath } from "./_programs.ts";
import { inNamespace, startWine } from "../tools/windows/wine.ts";

async function main(): Promise<number> {
  const program = await startWine();
  const folder = `${program.replace(/[^/]*$/, "")}root/peers`;
  await Deno.mkdir(folder, { recursive: true });
  for (const name of ["windows_hand_over", "windows_file"]) {
    const args = ["-O2", "-o", `${folder}/${name}.exe`, peerPath(`${name}.c`)];
    await output("x86_64-w64-mingw32-gcc", args);
  }
  const args = ["run", "-A", "--no-check", "--no-lock", "bench/_windows_sides.ts", "Z:/peers"];
  return (await new Deno.Command(program, { args }).spawn().status).code;
}

Deno.exit(await inNamespace(import.meta.filename!) ?? await main());
