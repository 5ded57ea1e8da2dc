/** The examples of sharing with other languages and WebAssembly, against the real programs. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { run } from "../../examples/demo/programs.ts";
import { linesOf } from "../../examples/languages/_share.ts";
import { linux } from "../_capabilities.ts";
import { withTempDir } from "../_files.ts";
import { hasProgram } from "../_gcc.ts";
import { PAGE } from "../_pages.ts";
import { pythonWith } from "../_python.ts";
import { exists, ownerFilesOf, withName } from "./_names.ts";
import { compilePeers, PARTIES, WAYS } from "./_peers.ts";

const FOLDER = fromFileUrl(new URL("../../examples/languages/", import.meta.url));

/** What talk.ts prints for a program that works. */
function conversation(ways: readonly string[], says: string): string[] {
  return ways.flatMap((way) => [
    `${way}: the program reads "made by Deno", Deno reads "used by ${says}"`,
    `${way}: Deno reads "made by ${says}"`,
    `${way}: the program reads "used by Deno"`,
  ]);
}

for (const party of PARTIES.filter(({ name }) => !name.startsWith("Deno"))) {
  Deno.test({
    name: `talk.ts shares memory with ${party.name}, both ways`,
    ignore: linux.ignore || !party.available(),
    fn: () =>
      withTempDir(async (dir) => {
        await compilePeers(dir);
        const ways = WAYS.filter((way) => party.impossible?.[way] === undefined);
        const args = [ways.join(), ...party.command(dir)];
        assertEquals(await run("languages/talk.ts", { args }), conversation(ways, party.says));
      }),
  });
}

Deno.test("grandchild.ts reaches a grandchild through its child", async () => {
  assertEquals(await run("languages/grandchild.ts"), ["written by child and grandchild: 1,2"]);
});

Deno.test("webassembly/main.ts works on its file in place", async () => {
  assertEquals(await run("webassembly/main.ts"), [
    "WebAssembly adds up 125000 numbers of the file: 7812437500",
    "it wrote 42 to the file",
    "a Worker writes to the same file: ok, 7",
  ]);
});

const numpy = pythonWith("numpy");

Deno.test("numpy.ts lets numpy calculate on its memory", {
  ignore: linux.ignore || numpy === undefined,
}, async () => {
  assertEquals(await run("languages/numpy.ts", { args: [numpy!] }), [
    "numpy doubled 1000000 numbers, and their sum is",
    "3000000.0",
    "Deno finds 3 at the beginning and 3 at the end",
  ]);
});

Deno.test("a region maps what numpy has written to a file, and numpy sees its changes", {
  ignore: linux.ignore || numpy === undefined,
}, () =>
  withTempDir(async (dir) => {
    const path = `${dir}/numbers`;
    const python = async (code: string) => {
      const { stdout } = await new Deno.Command(numpy!, { args: ["-c", code, path] }).output();
      return new TextDecoder().decode(stdout).trim();
    };
    await python(
      "import numpy, sys; m = numpy.memmap(sys.argv[1], 'float64', 'w+', shape=(100,)); " +
        "m[:] = numpy.arange(100) / 2; m.flush()",
    );
    using region = MmapRegion.open(path, { access: "read-write" });
    const numbers = region.view(Float64Array);
    assertEquals([numbers.length, numbers[99]], [100, 49.5]);
    numbers.fill(0.25);
    assertEquals(
      await python("import numpy, sys; print(numpy.memmap(sys.argv[1], 'float64').sum())"),
      "25.0",
    );
  }));

/** Installs the package in a folder, where node-gyp builds it. @returns whether that worked */
async function installMmapIo(dir: string): Promise<boolean> {
  const { success } = await new Deno.Command("npm", {
    args: ["install", "--prefer-offline", "--no-package-lock", "@riaskov/mmap-io"],
    cwd: dir,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  return success;
}

// Before the test, which is skipped, by name, where it cannot be installed.
const project = Deno.makeTempDirSync({ prefix: "mmap_test_" });
globalThis.addEventListener("unload", () => Deno.removeSync(project, { recursive: true }));
const mmapIo = !linux.ignore && hasProgram("npm") && hasProgram("node") &&
  await installMmapIo(project);

Deno.test("talk.ts shares memory with Node by the package mmap-io, both ways", {
  ignore: !mmapIo,
}, async () => {
  const there = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', project];
  const args = [WAYS.join(), ...there, "node", `${FOLDER}peer_mmap_io.mjs`];
  assertEquals(await run("languages/talk.ts", { args }), conversation(WAYS, "Node mmap-io"));
});

const ATTACHER = fromFileUrl(new URL("_attacher.py", import.meta.url));

Deno.test("a region outlives the name that Python's resource tracker removes", {
  ignore: linux.ignore || !hasProgram("python3"),
}, () =>
  withName(async (name) => {
    using region = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
    const { success } = await new Deno.Command("python3", {
      args: [ATTACHER, name],
      stderr: "null", // where it warns of leaked memory
    }).output();
    assert(success);
    assertEquals(region.bytes[0], 7);
    const removed = !exists(name); // as all versions so far do
    using attached = MmapRegion.attach(region.handle()); // found without its name
    attached.bytes[1] = 8;
    assertEquals(region.bytes[1], 8);
    region.close();
    assertEquals([exists(name), ownerFilesOf(name)], [false, []], `removed by Python: ${removed}`);
  }));

const CREATOR = fromFileUrl(new URL("_creator.py", import.meta.url));

Deno.test("no attacher of this module removes Python's shared memory", {
  ignore: linux.ignore || !hasProgram("python3"),
}, () =>
  withName(async (name) => {
    const python = new Deno.Command("python3", {
      args: [CREATOR, name],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = linesOf(python.stdout).getReader();
    assertEquals((await lines.read()).value, "made");
    MmapRegion.named(name).close();
    {
      using region = MmapRegion.named(name);
      using _attached = MmapRegion.attach(region.handle());
    }
    assertEquals(MmapRegion.list().find((info) => info.name === name)?.ours, false);
    assertEquals([exists(name), ownerFilesOf(name)], [true, []]);
    await python.stdin.close();
    assertEquals((await lines.read()).value, "still there");
    assertEquals((await python.status).success, true);
    await lines.cancel();
  }));
