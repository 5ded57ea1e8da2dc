/**
 * Runs a command of Deno with Darwin's calls carried out by Linux (tests/twin), as `test:darwin` runs
 * tests: `deno run -A tools/on_darwin.ts run -A examples/demo/main.ts`.
 */

import { buildTwin } from "./darwin/build.ts";

await using twin = await buildTwin({ deno: Deno.execPath() });
const { code } = await new Deno.Command(twin.deno, { args: Deno.args }).spawn().status;
Deno.exitCode = code;
