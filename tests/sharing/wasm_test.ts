/** WebAssembly code on regions. */

import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { instantiate } from "../../examples/webassembly/module.ts";
import { guard, linux } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, makeSparseFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";
import { seal } from "../../src/os/linux/objects.ts";
import type { OpenObject } from "../../src/os/system.ts";

const GiB = 2 ** 30;

onBothFileSystems("MmapRegion.wasmMemory() lets WebAssembly work on a file in place", (dir) => {
  const path = makeFile(dir, new Uint8Array(3 * PAGE));
  using region = MmapRegion.open(path, { access: "read-write" });
  const numbers = region.view(BigInt64Array);
  numbers.forEach((_, i) => numbers[i] = BigInt(i));
  const { sum, store } = instantiate(region.wasmMemory());
  const count = BigInt(numbers.length);
  assertEquals(sum(0, 3 * PAGE), count * (count - 1n) / 2n);
  store(3 * PAGE - 8, -5n);
  assertEquals(numbers.at(-1), -5n);
  assertEquals(new BigInt64Array(Deno.readFileSync(path).buffer).at(-1), -5n);
  numbers[0] = 1000n;
  assertEquals(sum(0, 8), 1000n);
});

Deno.test("MmapRegion.wasmMemory() has the region's pages and no more", () => {
  using region = MmapRegion.anonymous(65537);
  const memory = region.wasmMemory();
  assertEquals(memory.buffer.byteLength, 2 * 65536);
  assertThrows(() => memory.grow(1), RangeError);
  const { store } = instantiate(memory);
  assertThrows(() => store(2 * 65536 - 7, 1n), WebAssembly.RuntimeError);
  store(2 * 65536 - 8, 1n); // private, behind the region's last page
  assertEquals(region.byteLength, 65537);
});

Deno.test("WebAssembly sees zeros after close, and reaches the file no more", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    const { sum, store } = instantiate(region.wasmMemory());
    region.close();
    assertEquals(sum(0, 65536), 0n);
    store(0, -1n);
    assertEquals([sum(0, 8), Deno.readFileSync(path)], [-1n, pattern(PAGE)]);
  }));

Deno.test("MmapRegion.wasmMemory() of more than 4 GiB has 64-bit addresses", () =>
  withTempDir((dir) => {
    const byteLength = 4 * GiB + 3 * PAGE;
    const path = makeSparseFile(dir, byteLength);
    using region = MmapRegion.open(path, { access: "read-write" });
    const { sum, store } = instantiate<bigint>(region.wasmMemory(), { address64: true });
    const at = 4 * GiB + PAGE;
    store(BigInt(at), 42n);
    assertEquals(region.view(BigInt64Array, at, 1)[0], 42n);
    assertEquals(sum(BigInt(at), BigInt(at + 16)), 42n);
    assertEquals(region.sharedBuffer().byteLength, 4 * GiB + 65536);
  }));

Deno.test("MmapRegion.wasmMemory() of 4 GiB still has 32-bit addresses", () => {
  using region = MmapRegion.anonymous(4 * GiB);
  const { store } = instantiate(region.wasmMemory());
  store(4 * GiB - 8, 42n);
  assertEquals(region.view(BigInt64Array, 4 * GiB - 8, 1)[0], 42n);
});

Deno.test("MmapRegion.wasmMemory() and sharedBuffer() throw RangeError beyond 16 GiB", () => {
  using region = MmapRegion.anonymous(16 * GiB + 1);
  assertThrows(() => region.wasmMemory(), RangeError, "17179869184");
  assertThrows(() => region.sharedBuffer(), RangeError, "17179869185");
  using largest = MmapRegion.anonymous(16 * GiB);
  assertEquals(largest.sharedBuffer().byteLength, 16 * GiB);
});

Deno.test("MmapRegion.wasmMemory() and sharedBuffer() refuse what cannot be shared", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 3 * PAGE);
    const { NotSupported } = Deno.errors;
    using memory = MmapRegion.anonymous(PAGE, { sharing: "private" });
    using copy = MmapRegion.open(path, { access: "copy-on-write" });
    for (const region of [memory, copy]) {
      assertThrows(() => region.wasmMemory(), NotSupported, "private");
      assertThrows(() => region.sharedBuffer(), NotSupported, "private");
    }
    using odd = MmapRegion.open(path, { byteOffset: PAGE + 1 });
    assertThrows(() => odd.wasmMemory(), RangeError, `${PAGE + 1}`);
    using even = MmapRegion.open(path, { byteOffset: PAGE });
    assertEquals(new Uint8Array(even.sharedBuffer())[0], pattern(PAGE + 1)[PAGE]);
    const closed = MmapRegion.anonymous(PAGE);
    closed.close();
    assertThrows(() => closed.sharedBuffer(), Deno.errors.BadResource);
  }));

Deno.test("MmapRegion.wasmMemory() of write-sealed memory is its creator's to write", {
  ignore: linux.ignore,
}, () => {
  const label = crypto.randomUUID();
  {
    using region = MmapRegion.anonymous(3 * PAGE, { seal: "write", label });
    using reader = MmapRegion.attach(region.handle());
    const { store } = instantiate(region.wasmMemory());
    store(3 * PAGE - 8, 42n);
    assertEquals(reader.view(BigInt64Array).at(-1), 42n);
  }
  assertEquals([...descriptorsOf(label), ...mapsOf(label)], []);
});

Deno.test("MmapRegion.wasmMemory() of memory that others have sealed leaves it as it is", {
  ignore: linux.ignore,
}, () => {
  const label = crypto.randomUUID();
  {
    using region = MmapRegion.anonymous(PAGE, { label });
    region.bytes[0] = 7;
    seal(region.handle().fd as OpenObject, { shrink: false, write: true });
    assertThrowsSystem(() => region.wasmMemory(), Deno.errors.PermissionDenied, "EPERM", "mmap");
    assertEquals([region.bytes[0], descriptorsOf(label).length], [7, 1]);
  }
  assertEquals([...descriptorsOf(label), ...mapsOf(label)], []);
});

const PROGRAM = new URL("_children.ts", import.meta.url);

Deno.test(
  "a store into a read-only region's shared memory is absorbed",
  guard,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, PAGE);
      assertEquals(await resultOf(PROGRAM, { args: ["store", path] }), {
        byScript: "99",
        byWasm: "99",
        checked: "MappingFaultError",
        faults: 1, // the first one has put a private page in the way
      });
      assertEquals(Deno.readFileSync(path), pattern(PAGE));
    }),
);

Deno.test(
  "WebAssembly alone stores into a read-only region, and is absorbed",
  guard,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, PAGE);
      const result = await resultOf(PROGRAM, { args: ["storeByWasm", path] });
      assertEquals(result, ["99", 1]);
      assertEquals(Deno.readFileSync(path), pattern(PAGE));
    }),
);

onBothFileSystems("WebAssembly reads zeros where its file was cut off", async (dir) => {
  const path = makeFile(dir, new Uint8Array(3 * PAGE).fill(1));
  const result = await resultOf(PROGRAM, { args: ["sumCutOff", path] });
  assertEquals(result, [String(0x0101010101010101n), "0", "MappingFaultError"]);
}, guard);

Deno.test("instantiate() refuses memories of the other kinds", () => {
  using region = MmapRegion.anonymous(PAGE);
  const memory = region.wasmMemory();
  for (const kind of [{ shared: false }, { address64: true }]) {
    assertInstanceOf(
      assertThrows(() => instantiate(memory, kind)),
      WebAssembly.LinkError,
    );
  }
});
