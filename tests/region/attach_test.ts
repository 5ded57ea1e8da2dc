/** `MmapRegion.attach`: to which object, with which access, and when not at all. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { formatHandle, MmapRegion, type RegionHandle } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { factOf } from "../../ffi/platform.ts";
import { notOnMac, proc } from "../_capabilities.ts";
import { truncate } from "../_fault_child.ts";
import { assertThrowsSystem, thrownBy } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { descriptorsOf } from "../_process.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

Deno.test("MmapRegion.attach() in the same process shares the bytes", () =>
  withTempDir((dir) => {
    using file = MmapRegion.open(makeFile(dir, 5000), { access: "read-write", byteOffset: 3 });
    using memory = MmapRegion.anonymous(5000);
    for (const region of [file, memory]) {
      using other = MmapRegion.attach(region.handle());
      assertEquals([other.kind, other.byteOffset], [region.kind, region.byteOffset]);
      assertEquals(other.bytes, region.bytes);
      other.bytes[1] = 99;
      assertEquals(region.bytes[1], 99);
    }
  }));

Deno.test("MmapRegion.attach() keeps the object when its first region is closed", () => {
  const first = MmapRegion.anonymous(100);
  first.bytes[0] = 7;
  using second = MmapRegion.attach(first.handle());
  const handle = first.handle();
  first.close();
  assertEquals(second.bytes[0], 7);
  const error = thrownBy(() => MmapRegion.attach(handle)) as Error;
  assertEquals(error.constructor, Deno.errors.NotFound, String(error));
  using third = MmapRegion.attach(second.handle());
  assertEquals(third.bytes[0], 7);
});

/** Starts a Worker, sends it a message and waits for the answer. */
async function askWorker(message: unknown): Promise<unknown> {
  const worker = new Worker(new URL("./_attach_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(message);
    });
  } finally {
    worker.terminate();
  }
}

Deno.test("MmapRegion.attach() works in Workers, with several at once", () =>
  withTempDir(async (dir) => {
    using memory = MmapRegion.anonymous(64);
    using file = MmapRegion.open(join(dir, "new"), {
      access: "read-write",
      createNew: true,
      byteLength: 64,
    });
    for (const region of [memory, file]) {
      const times = 10_000;
      const answers = await Promise.all([
        askWorker({ handle: region.handle(), times }),
        askWorker({ handle: formatHandle(region.handle()), times }),
        askWorker({ handle: JSON.parse(JSON.stringify(region.handle())), times }),
      ]);
      assertEquals(answers, Array(3).fill({ access: "read-write", byteLength: 64 }));
      assertEquals(region.view(Int32Array)[0], 3 * times);
    }
  }));

Deno.test("MmapRegion.attach() works in a child and a grandchild", async () => {
  using region = MmapRegion.anonymous(PAGE);
  await resultOf(PROGRAM, { args: ["writeWithChild", formatHandle(region.handle())] });
  assertEquals([...region.bytes.subarray(0, 5)], [1, 2, 3, 4, 0]);
});

onBothFileSystems("MmapRegion.attach() throws RangeError if the file is shorter by now", (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using region = MmapRegion.open(path, { byteOffset: PAGE, byteLength: PAGE + 1 });
  const handle = region.handle();
  truncate(path, 2 * PAGE);
  const error = assertThrows(() => MmapRegion.attach(handle), RangeError) as Error;
  assert(error.message.includes("shorter"), error.message);
  Deno.truncateSync(path, 2 * PAGE + 1);
  using other = MmapRegion.attach(handle);
  assertEquals(other.byteLength, PAGE + 1);
  if (!proc.ignore) assertEquals(descriptorsOf(path).length, 2);
});

Deno.test("MmapRegion.attach() believes no handle that claims more than there is", () => {
  using region = MmapRegion.anonymous(PAGE);
  const handle = region.handle();
  for (const claim of [{ byteLength: PAGE + 1 }, { byteOffset: 1 }, { byteOffset: 2 ** 40 }]) {
    assertThrows(() => MmapRegion.attach({ ...handle, ...claim }), RangeError);
  }
  const most = Number.MAX_SAFE_INTEGER;
  assertThrows(
    () => MmapRegion.attach({ ...handle, byteOffset: most, byteLength: most }),
    RangeError,
  );
});

Deno.test("MmapRegion.attach() counts byteOffset and byteLength within the region", () =>
  withTempDir((dir) => {
    using region = MmapRegion.open(makeFile(dir, 3 * PAGE), {
      byteOffset: 100,
      byteLength: 2 * PAGE,
    });
    using part = MmapRegion.attach(region.handle(), { byteOffset: PAGE - 50, byteLength: 70 });
    assertEquals(part.bytes, pattern(3 * PAGE).subarray(PAGE + 50, PAGE + 120));
    assertEquals(part.byteOffset, PAGE + 50);
    using rest = MmapRegion.attach(region.handle(), { byteOffset: 2 * PAGE - 1 });
    assertEquals(rest.bytes, pattern(3 * PAGE).subarray(2 * PAGE + 99, 2 * PAGE + 100));
    using nested = MmapRegion.attach(part.handle(), { byteOffset: 69 });
    assertEquals(nested.bytes[0], part.bytes[69]);
    const outside = [
      { byteOffset: 2 * PAGE },
      { byteOffset: 2 * PAGE, byteLength: 1 },
      { byteLength: 2 * PAGE + 1 },
      { byteOffset: 1, byteLength: 2 * PAGE },
      { byteOffset: 3 * PAGE },
    ];
    for (const range of outside) {
      assertThrows(() => MmapRegion.attach(region.handle(), range), RangeError, "lie within");
    }
  }));

for (
  const [granted, allowed] of Object.entries({
    "read": ["read", "copy-on-write"],
    "copy-on-write": ["read", "copy-on-write"],
    "read-write": ["read", "read-write", "copy-on-write"],
  })
) {
  Deno.test(`MmapRegion.attach() to access ${granted} gives ${allowed.join(", ")}`, () =>
    withTempDir((dir) => {
      const path = makeFile(dir, 100);
      using region = MmapRegion.open(path, { access: granted as "read" });
      for (const access of ["read", "read-write", "copy-on-write"] as const) {
        if (!allowed.includes(access)) {
          const error = thrownBy(() => MmapRegion.attach(region.handle(), { access })) as Error;
          assertEquals(error.constructor, Deno.errors.PermissionDenied, String(error));
          assert(error.message.includes(`grants "${granted}"`), error.message);
          continue;
        }
        using other = MmapRegion.attach(region.handle(), { access });
        assertEquals(other.access, access);
        assertEquals(other.handle().access, access); // never more from there on
        if (access !== "read") other.bytes.fill(1);
      }
      const written = allowed.includes("read-write");
      assertEquals(Deno.readFileSync(path), written ? new Uint8Array(100).fill(1) : pattern(100));
    }));
}

Deno.test(
  "MmapRegion.attach() gets no more from a forged handle than the object allows",
  notOnMac,
  () => {
    using region = MmapRegion.anonymous(100, { seal: "write" });
    const forged: RegionHandle = { ...region.handle(), access: "read-write" };
    assertThrowsSystem(
      () => MmapRegion.attach(forged),
      Deno.errors.PermissionDenied,
      "EPERM",
      Deno.build.os === "windows" ? "shm_open" : "mmap",
    );
  },
);

Deno.test({
  name: "MmapRegion.attach() throws PermissionDenied for another user's memory",
  ignore: Deno.uid() !== 0, // only root can become another user
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 100);
      Deno.chmodSync(path, 0o600);
      Deno.chmodSync(dir, 0o755);
      using memory = MmapRegion.anonymous(100);
      using file = MmapRegion.open(path);
      const handles = [memory, file].map((region) => formatHandle(region.handle()));
      const result = await resultOf(PROGRAM, { args: ["attachAsNobody", ...handles] });
      const calls = [factOf({ linux: "open", darwin: "shm_open" }), "open"];
      assertEquals(result, calls.map((call) => ["PermissionDenied", "EACCES", call]));
    }),
});
