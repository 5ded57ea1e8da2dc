/** When libc is loaded, what that needs, and what is told when it fails. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { resultOf } from "../_child.ts";

const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

/** Runs code that prints JSON, in a program with these permissions. */
async function runWith(permissions: string[], code: string): Promise<unknown> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--ext=ts", `--config=${CONFIG}`, ...permissions, "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { stdout } = await process.output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Counts what an import of the module opens, by watching `Deno`. */
const WATCH_IMPORT = `
  const called = [];
  for (const name of Object.keys(Deno)) {
    if (typeof Deno[name] === "function" && /^[a-z]/.test(name)) {
      const real = Deno[name];
      Deno[name] = (...args) => {
        called.push(name);
        return real(...args);
      };
    }
  }
  const { MmapRegion } = await import("@mmap/mmap");
  await import("@mmap/mmap/libc");
  const atImport = [...called];
`;

Deno.test("importing @mmap/mmap needs no permission, loads nothing and calls nothing of Deno", async () => {
  const result = await runWith([], `${WATCH_IMPORT} console.log(JSON.stringify(atImport));`);
  assertEquals(result, []);
});

Deno.test("MmapRegion.anonymous() throws NotCapable without --allow-ffi, and not the import", async () => {
  const result = await runWith(
    [],
    `${WATCH_IMPORT}
    try {
      MmapRegion.anonymous(1);
    } catch (error) {
      console.log(JSON.stringify([error.name, error instanceof Deno.errors.NotCapable]));
    }`,
  );
  assertEquals(result, ["NotCapable", true]);
});

Deno.test("MmapRegion.anonymous() needs --allow-ffi alone, and loads libc at its first call", async () => {
  const result = await runWith(
    ["--allow-ffi"],
    `${WATCH_IMPORT}
    for (let i = 0; i < 3; i++) MmapRegion.anonymous(1).close();
    console.log(JSON.stringify([atImport, called.filter((name) => name === "dlopen")]));`,
  );
  assertEquals(result, [[], ["dlopen"]]);
});

Deno.test("libc() throws NotSupported and lists what it tried if libc cannot be opened", async () => {
  const result = await resultOf(`
    import { MmapRegion } from "@mmap/mmap";
    Deno.dlopen = (name) => {
      throw new Error("Could not open library: " + name + " is gone");
    };
    try {
      MmapRegion.anonymous(1);
    } catch (error) {
      console.log(JSON.stringify([error.name, error.message]));
    }
  `);
  const candidate = Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6";
  const expected = `Cannot load libc: tried "${candidate}" ` +
    `(Could not open library: ${candidate} is gone)`;
  const [name, message] = result;
  assertEquals([name, message.slice(0, expected.length)], ["NotSupported", expected]);
});

Deno.test("MmapRegion.anonymous() throws NotSupported on Windows, and the import does not", async () => {
  const result = await resultOf(`
    const build = { ...Deno.build, os: "windows" };
    Object.defineProperty(globalThis, "Deno", { value: { ...Deno, build } });
    const { MmapRegion } = await import("@mmap/mmap");
    try {
      MmapRegion.anonymous(1);
    } catch (error) {
      console.log(JSON.stringify([error.name, error.message]));
    }
  `);
  assertEquals(result, [
    "NotSupported",
    `Cannot map memory on "windows": @mmap/mmap supports Linux (x86-64 and arm64) and macOS`,
  ]);
});
