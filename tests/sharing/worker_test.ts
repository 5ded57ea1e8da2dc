/** Regions in Workers: by a handle, and as a SharedArrayBuffer. */

import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { proc } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { withName } from "./_names.ts";
import { TestWorker } from "./_worker.ts";

const PROGRAM = new URL("_replies.ts", import.meta.url);

const WASM_PAGE = 65536;

Deno.test(
  "a handle posted to a Worker maps the same memory there",
  () =>
    withTempDir((dir) =>
      withName(async (name) => {
        using worker = new TestWorker("attachAndWrite");
        const makeRegions = [
          () => MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" }),
          () => MmapRegion.anonymous(PAGE),
          () => MmapRegion.named(name, { createNew: true, byteLength: PAGE }),
        ];
        for (const make of makeRegions) {
          using region = make();
          region.bytes.set([1, 0]);
          assertEquals(await worker.ask(region.handle()), [region.kind, PAGE]);
          assertEquals(region.bytes[1], 2);
        }
      })
    ),
);

Deno.test(
  "a Worker keeps the memory after the region that it came from was closed",
  async () => {
    using worker = new TestWorker("attachAndKeep");
    const region = MmapRegion.anonymous(PAGE);
    region.bytes[0] = 7;
    assertEquals(await worker.ask(region.handle()), 7);
    region.close();
    assertEquals(await worker.ask(undefined), 7);
  },
);

Deno.test(
  "a Worker's handle outlives the Worker as long as its region is open",
  async () => {
    using worker = new TestWorker("makeAndClose");
    const handle = await worker.ask("make");
    using region = MmapRegion.attach(handle);
    assertEquals([region.bytes[0], handle.pid], [7, Deno.pid]);
    await worker.ask("close");
    assertEquals(region.bytes[0], 7);
  },
);

onBothFileSystems("MmapRegion.sharedBuffer() is the region's memory, rounded up", (dir) => {
  const path = makeFile(dir, PAGE + 100);
  using region = MmapRegion.open(path, { access: "read-write" });
  const shared = region.sharedBuffer();
  assertEquals([shared instanceof SharedArrayBuffer, shared.byteLength], [true, WASM_PAGE]);
  assertStrictEquals(region.sharedBuffer(), shared);
  assertStrictEquals(region.wasmMemory().buffer as unknown, shared);
  const bytes = new Uint8Array(shared);
  assertEquals(bytes.slice(0, PAGE + 100), pattern(PAGE + 100));
  bytes[PAGE] = 1;
  region.bytes[PAGE + 1] = 2;
  assertEquals([...bytes.subarray(PAGE, PAGE + 2)], [1, 2]);
  assertEquals([...Deno.readFileSync(path).subarray(PAGE, PAGE + 2)], [1, 2]);
});

onBothFileSystems("MmapRegion.sharedBuffer() ends in zeros that reach no file", (dir) => {
  const path = makeFile(dir, PAGE + 100);
  using region = MmapRegion.open(path, { access: "read-write" });
  const rest = new Uint8Array(region.sharedBuffer()).subarray(PAGE + 100);
  assertEquals(rest.every((byte) => byte === 0), true);
  rest.fill(0xaa);
  region.flushSync(); // may zero the rest of the file's last page
  const behind = rest.subarray(PAGE - 100);
  assertEquals(behind.every((byte) => byte === 0xaa), true);
  assertEquals(Deno.readFileSync(path), pattern(PAGE + 100));
  assertEquals([region.faults, region.byteLength], [0, PAGE + 100]);
});

onBothFileSystems(
  "MmapRegion.close() leaves zeros in the shared buffer, out of reach of the file",
  (dir) => {
    const path = makeFile(dir, PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    const bytes = new Uint8Array(region.sharedBuffer());
    region.close();
    assertEquals([bytes.length, Math.max(...bytes)], [WASM_PAGE, 0]);
    bytes.fill(0xaa);
    assertEquals(Deno.readFileSync(path), pattern(PAGE));
  },
);

onBothFileSystems("MmapRegion.resize() makes a new shared buffer", (dir) => {
  const path = makeFile(dir, PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  const before = region.sharedBuffer();
  region.resize(WASM_PAGE + PAGE);
  const after = region.sharedBuffer();
  assertNotStrictEquals(after, before);
  assertEquals([before.byteLength, after.byteLength], [WASM_PAGE, 2 * WASM_PAGE]);
  new Uint8Array(after)[WASM_PAGE] = 7;
  assertEquals([region.bytes[WASM_PAGE], Deno.readFileSync(path)[WASM_PAGE]], [7, 7]);
  assertEquals(new Uint8Array(before).slice(0, PAGE), pattern(PAGE));
  region.resize(PAGE);
  assertEquals(region.sharedBuffer().byteLength, WASM_PAGE);
});

Deno.test("a shared buffer is posted to Workers without copying", async () => {
  using region = MmapRegion.anonymous(PAGE);
  using first = new TestWorker("count");
  using second = new TestWorker("count");
  const shared = region.sharedBuffer();
  await Promise.all([first.ask(shared), second.ask(shared)]);
  assertEquals(region.view(Int32Array)[0], 20_000);
});

Deno.test("a shared buffer in a Worker reads zeros after close", async () => {
  using worker = new TestWorker("readAgain");
  const region = MmapRegion.anonymous(PAGE);
  using other = MmapRegion.attach(region.handle());
  region.bytes[0] = 1;
  assertEquals(await worker.ask(region.sharedBuffer()), [WASM_PAGE, 1]);
  assertEquals(other.bytes[1], 7);
  other.bytes[1] = 0;
  region.close();
  assertEquals(await worker.ask("again"), [WASM_PAGE, 0]);
  assertEquals(other.bytes[1], 0);
});

Deno.test("Atomics.wait() in a Worker is woken through a shared buffer", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const words = new Int32Array(region.sharedBuffer());
  using worker = new TestWorker("wait");
  const woken = worker.ask(words.buffer);
  // The wait itself cannot be seen; notify() tells whether it has woken somebody.
  while (Atomics.load(words, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  while (Atomics.notify(words, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(await woken, ["ok", 0]);
  region.view(Int32Array)[0] = 5; // seen by Atomics at once
  assertEquals(await worker.ask(words.buffer), ["not-equal", 5]);
});

Deno.test("Atomics.waitAsync() is woken by a Worker through a shared buffer", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const words = new Int32Array(region.sharedBuffer());
  using worker = new TestWorker("notify");
  const waiting = Atomics.waitAsync(words, 0, 0);
  assertEquals(waiting.async, true);
  assertEquals(await worker.ask(words.buffer), 1);
  assertEquals([await waiting.value, region.view(Int32Array)[0]], ["ok", 7]);
});

Deno.test(
  "a shared buffer keeps a region open that nobody closed, until both are forgotten",
  proc,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, PAGE);
      const result = await resultOf(PROGRAM, { args: ["forget", path], v8Flags: "--expose-gc" });
      assertEquals(result, { open: [1, 42], forgotten: [0, 0] });
    }),
);
