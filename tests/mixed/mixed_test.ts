/**
 * A file that this system and Windows use at once: Deno for Windows runs under Wine. `deno task
 * test:windows` says where that is.
 */

import { MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedMap } from "@mmap/mmap/collections";
import { Mutex } from "@mmap/mmap/sync";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Child, type OtherDeno, resultOf } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { compileC, hasProgram } from "../_gcc.ts";
import { HEADERS } from "../_c_program.ts";

const { Busy } = Deno.errors;
const PEER = new URL("_peer.ts", import.meta.url);
const WINE = Deno.env.get("MMAP_WINE");
const ROOT = `${WINE?.replace(/[^/]*$/, "")}root`;
const deno: OtherDeno = { program: WINE ?? "", root: "Z:/src/" };

/** Registers a test whose body gets the path of a file here, and the same one on Windows. */
function testBoth(
  name: string,
  body: (path: string, there: string) => Promise<void>,
  ignore = false,
): void {
  Deno.test({
    name: WINE === undefined ? `${name} (ignored: Wine is not there)` : name,
    ignore: WINE === undefined || ignore,
    fn: () =>
      withTempDir((dir) => {
        const path = `${dir}/file`;
        return body(path, `Z:${path.slice(ROOT.length)}`);
      }, `${ROOT}/tmp`),
  });
}

function start(action: string, there: string): Child {
  return new Child(PEER, { args: [action, there], deno });
}

/** What an action gives, done on Windows. */
// deno-lint-ignore no-explicit-any -- each has its own result
function ask(action: string, there: string): Promise<any> {
  return resultOf(PEER, { args: [action, there], deno });
}

function create(path: string, byteLength = 65536): MmapRegion {
  return MmapRegion.open(path, { access: "read-write", create: true, byteLength });
}

testBoth("each system sees what the other one writes to a file", async (path, there) => {
  using region = create(path);
  await using child = start("exchange", there);
  assertEquals(await child.readLine(), "wrote");
  const words = region.view(Int32Array);
  assertEquals(words[0], 42);
  words[1] = 43;
  await child.writeLine("");
  assertEquals(await child.readLine(), "43");
  region.resize(2 * 65536);
  region.view(Int32Array)[32767] = 7;
  await child.writeLine("");
  assertEquals(await child.readLine(), "32768 words, the last is 7");
  assertEquals(await child.readLine(), "wrote");
  assertEquals(region.view(Int32Array)[32767], 44);
});

testBoth("Windows refuses locks in a file where this system uses some", async (path, there) => {
  using region = create(path);
  const guard = new Mutex(region).lockSync();
  for (const [kind, message] of Object.entries(await ask("refused", there))) {
    assertMatch(message as string, /^Busy: Cannot use locks in .* another system /, kind);
  }
  // Nothing was changed.
  assertEquals(region.view(Int32Array).subarray(2).every((word) => word === 0), true);
  guard.unlock();
  assertEquals(new Mutex(region).tryLock()?.ownerDied, false);
});

testBoth("this system refuses locks in a file where Windows uses some", async (path, there) => {
  create(path).close();
  await using child = start("hold", there);
  assertEquals(await child.readLine(), "false");
  {
    using region = create(path);
    assertThrows(() => new Mutex(region).tryLock(), Busy, "a program for Windows uses locks");
    assertThrows(() => new Mutex(region, 64).lockSync(), Busy, "a program for Windows");
    assertEquals(region.view(Int32Array)[16], 0);
  }
  child.kill();
  await child.ended();
  using region = create(path);
  while (isRefused(region)) await new Promise((resolve) => setTimeout(resolve, 10)); // Wine ends it
  assertEquals(new Mutex(region).lockSync().ownerDied, true);
});

function isRefused(region: MmapRegion): boolean {
  try {
    new Mutex(region, 64).tryLock();
    return false;
  } catch (error) {
    if (error instanceof Busy) return true;
    throw error;
  }
}

testBoth("a log that this system writes to can be read on Windows alone", async (path, there) => {
  using log = AppendLog.open(path, { create: true });
  for (let i = 0; i < 5; i++) log.append(new Uint8Array(i));
  const { records, writing } = await ask("appendTo", there);
  assertEquals(records, 5);
  assertMatch(writing, /^Busy: .* another writer has /);
});

testBoth("a log that Windows writes to can be read here alone", async (path, there) => {
  await using child = start("ownLog", there);
  assertEquals(await child.readLine(), "appended");
  assertThrows(() => AppendLog.open(path, { access: "read-write" }), Busy, "another writer");
  using log = AppendLog.open(path);
  assertEquals(Array.from(log, ({ record }) => record), [new Uint8Array(3)]);
});

testBoth(
  "a map that one system has open for locks is refused by the other",
  async (path, there) => {
    using map = SharedMap.open(path, { create: true, capacity: 10 });
    map.set("key", new Uint8Array(2));
    assertMatch(await ask("setIn", there), /^Busy: Cannot use locks in /);
    assertEquals(map.get("key"), new Uint8Array(2));
  },
);

const COMPILER = "x86_64-w64-mingw32-gcc";
const C_PEER = new URL("../sync/_c_peer.c", import.meta.url);

/** Compiles the program of the tests of locks for Windows, beside the file. */
async function compilePeer(path: string): Promise<void> {
  const args = ["-Wall", "-Wextra", "-Werror", "-O2", "-I", HEADERS, "-o", `${path}.exe`];
  await compileC(await Deno.readTextFile(C_PEER), { compiler: COMPILER, args });
}

testBoth(
  "a C program for Windows gets no token in a file where this system uses locks",
  async (path, there) => {
    await compilePeer(path);
    {
      using region = create(path);
      new Mutex(region).lockSync().unlock();
      assertEquals(await ask("runC", there), 1);
    }
    assertEquals(await ask("runC", there), 0);
  },
  !hasProgram(COMPILER),
);

testBoth(
  "this system refuses locks in a file where a C program for Windows uses some",
  async (path, there) => {
    await compilePeer(path);
    create(path).close();
    {
      await using child = start("lockInC", there);
      assertEquals(await child.readLine(), "0");
      using region = create(path);
      assertThrows(() => new Mutex(region).tryLock(), Busy, "Cannot use locks");
      await child.writeLine("");
      await child.ended();
    }
    using region = create(path);
    assertEquals(new Mutex(region).tryLock()?.ownerDied, true); // it ended without unlocking
  },
  !hasProgram(COMPILER),
);
