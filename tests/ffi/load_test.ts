/** When libc is loaded, what that needs, and what is told when it fails. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { resultOf } from "../_child.ts";

const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

const PROGRAM = new URL("_load.ts", import.meta.url);

/** Runs an action that prints JSON with these permissions. */
async function runWith(permissions: string[], action: string): Promise<unknown> {
  const start = ["run", "--quiet", "--no-prompt", `--config=${CONFIG}`, ...permissions];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...start, fromFileUrl(PROGRAM), JSON.stringify(action)],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("importing @mmap/mmap needs no permission, loads nothing and calls nothing of Deno", async () => {
  const result = await runWith([], "importAlone");
  assertEquals(result, []);
});

Deno.test("MmapRegion.anonymous() throws NotCapable without --allow-ffi, and not the import", async () => {
  const result = await runWith([], "callWithoutPermission");
  assertEquals(result, ["NotCapable", true]);
});

Deno.test("MmapRegion.anonymous() needs --allow-ffi alone, and loads the system at its first call", async () => {
  const result = await runWith(["--allow-ffi"], "call");
  const libraries = Deno.build.os === "windows" ? 3 : 1;
  assertEquals(result, [[], Array(libraries).fill("dlopen")]);
});

Deno.test("libc() throws NotSupported and lists what it tried if libc cannot be opened", async () => {
  const result = await resultOf(PROGRAM, { args: ["callWithoutLibrary"] });
  const candidate = Deno.build.os === "darwin" ? "/usr/lib/libSystem.B.dylib" : "libc.so.6";
  const expected = `Cannot load libc: tried "${candidate}" ` +
    `(Could not open library: ${candidate} is gone)`;
  const [name, message] = result;
  assertEquals([name, message.slice(0, expected.length)], ["NotSupported", expected]);
});

Deno.test("MmapRegion.anonymous() throws NotSupported on other systems, and the import does not", async () => {
  const result = await resultOf(PROGRAM, { args: ["callOnOther"] });
  assertEquals(result, [
    "NotSupported",
    `Cannot map memory on "freebsd": @mmap/mmap supports Linux, macOS and Windows`,
  ]);
});
