/** Children in which mapped memory faults: they must live, or die by exactly one signal. */

import { assertEquals } from "@std/assert";
import { type ChildOptions, runChild } from "./_child.ts";
import { withTempDir } from "./_files.ts";

/** The guard is there on Linux only. */
export const ignore = Deno.build.os !== "linux";

/** What the source text of every child may use. `dir` is its first argument. */
const PRELUDE = `
  import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
  import { MappingFaultError, MmapRegion } from "@mmap/mmap";
  import * as C from "@mmap/mmap/libc";
  const [dir] = Deno.args;
  const PAGE = C.sysconf(C._SC_PAGESIZE);
  const text = new TextDecoder();
  const pattern = (length, seed = 1) =>
    Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 0xff);
  function makeFile(content, name = "data.bin") {
    const path = dir + "/" + name;
    Deno.writeFileSync(path, typeof content === "number" ? pattern(content) : content);
    return path;
  }
  // Another process does it.
  function truncate(path, size) {
    const { success } = new Deno.Command("truncate", { args: ["-s", String(size), path] }).outputSync();
    assert(success);
  }
  function assertFault(call, path, byteOffset, faults) {
    const error = assertThrows(call, MappingFaultError);
    assertEquals([error.path, error.byteOffset, error.faults], [path, byteOffset, faults]);
    assertEquals(error.name, "MappingFaultError");
  }
  // The module by its address, since the text of a Worker is no file of the project.
  const WORKER_PRELUDE = "import { MmapRegion } from '" + import.meta.resolve("@mmap/mmap") + "';";
  function startWorker(code) {
    const url = URL.createObjectURL(new Blob([WORKER_PRELUDE + code], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    worker.onerror = (event) => { console.error(event.message); Deno.exit(70); };
    const waiting = [];
    const messages = [];
    worker.onmessage = ({ data }) => waiting.length > 0 ? waiting.shift()(data) : messages.push(data);
    const next = () => new Promise((resolve) => {
      messages.length > 0 ? resolve(messages.shift()) : waiting.push(resolve);
    });
    return { worker, next };
  }
`;

/** Runs a child to its end, which must come by itself. @returns what it printed */
export async function assertLives(body: string, options: ChildOptions = {}): Promise<string> {
  const { code, signal, stdout, stderr } = await runChild(PRELUDE + body, options);
  assertEquals({ code, signal }, { code: 0, signal: null }, `${stdout}\n${stderr}`);
  return stdout;
}

/** Runs a child that a signal must end, after it printed "ready". */
export async function assertDiesBy(
  expected: Deno.Signal,
  body: string,
  options: ChildOptions = {},
): Promise<void> {
  const { signal, stdout, stderr } = await runChild(PRELUDE + body, options);
  assertEquals({ signal, stdout }, { signal: expected, stdout: "ready\n" }, stderr);
}

/** Registers a child that must live, once with a directory on the disk and once on tmpfs. */
export function livesOnBothFileSystems(
  name: string,
  body: string,
  options: ChildOptions = {},
): void {
  for (const [where, parent] of [["disk", undefined], ["tmpfs", "/dev/shm"]]) {
    Deno.test({
      name: `${name} (${where})`,
      ignore,
      fn: () =>
        withTempDir(async (dir) => {
          await assertLives(body, { ...options, args: [dir] });
        }, parent),
    });
  }
}
