/** What all primitives have in common: where they can be placed, and what they say of bad arguments. */

import { MmapRegion } from "@mmap/mmap";
import {
  Barrier,
  Condition,
  Futex,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedEvent,
} from "@mmap/mmap/sync";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { withMovable } from "../_regions.ts";
import { makeFile, withTempDir } from "../_files.ts";

type Memory = MmapRegion | SharedArrayBuffer;

/** Each primitive: its size, how to make it, and a use of it in all-zero memory that must work. */
const PRIMITIVES: Record<string, [number, (memory: Memory, at?: number) => () => void]> = {
  Futex: [Futex.byteLength, (m, at) => {
    const futex = new Futex(m, at);
    return () => assertEquals([futex.load(), futex.add(2), futex.load()], [0, 0, 2]);
  }],
  Mutex: [Mutex.byteLength, (m, at) => {
    const mutex = new Mutex(m, at);
    return () => mutex.lockSync().unlock();
  }],
  RwLock: [RwLock.byteLength, (m, at) => {
    const lock = new RwLock(m, at);
    return () => lock.writeSync().unlock();
  }],
  Semaphore: [Semaphore.byteLength, (m, at) => {
    const semaphore = new Semaphore(m, at);
    return () => {
      semaphore.release();
      semaphore.acquireSync();
    };
  }],
  Condition: [Condition.byteLength, (m, at) => {
    const condition = new Condition(m, at);
    return () => condition.notifyAll();
  }],
  Barrier: [Barrier.byteLength, (m, at = 0) => {
    const barrier = new Barrier(m, at, 1);
    return () => assertEquals(barrier.waitSync(), true);
  }],
  SharedEvent: [SharedEvent.byteLength, (m, at) => {
    const event = new SharedEvent(m, at);
    return () => {
      event.set();
      event.waitSync();
    };
  }],
  Once: [Once.byteLength, (m, at) => {
    const once = new Once(m, at);
    return () => assertEquals(once.runSync(() => {}), true);
  }],
};

for (const [name, [byteLength, make]] of Object.entries(PRIMITIVES)) {
  Deno.test(`${name} takes a multiple of 64 bytes, at any multiple of 64`, () => {
    assertEquals(byteLength % 64, 0);
    using region = MmapRegion.anonymous(3 * byteLength);
    for (const at of [0, 64, 2 * byteLength]) {
      region.bytes.fill(0);
      make(region, at)();
    }
    for (const at of [1, 4, 32, 63, 65]) assertThrows(() => make(region, at), RangeError, "64");
    for (const at of [-64, NaN, 0.5]) assertThrows(() => make(region, at), RangeError);
    assertThrows(() => make(region, 2 * byteLength + 64), RangeError, "must lie within");
    // deno-lint-ignore no-explicit-any
    assertThrows(() => make(region, "0" as any), TypeError);
  });

  Deno.test(`${name} works in a file, in named memory and in a SharedArrayBuffer`, () =>
    withTempDir((dir) => {
      using file = MmapRegion.open(makeFile(dir, new Uint8Array(byteLength)), {
        access: "read-write",
      });
      make(file)();
      using named = MmapRegion.named(`sync-${crypto.randomUUID().slice(0, 18)}`, {
        createNew: true,
        byteLength,
      });
      make(named)();
      make(new SharedArrayBuffer(byteLength))();
    }));

  Deno.test(`${name} needs a region that can be written to and is open`, () => {
    using region = MmapRegion.anonymous(byteLength);
    using readOnly = MmapRegion.attach(region.handle(), { access: "read" });
    assertThrows(() => make(readOnly), TypeError, "read-write");
    // deno-lint-ignore no-explicit-any
    assertThrows(() => make(new ArrayBuffer(byteLength) as any), TypeError);
    const use = make(region);
    region.close();
    assertThrows(use, Deno.errors.BadResource);
    assertThrows(() => make(region), Deno.errors.BadResource);
  });

  Deno.test(`${name} follows a region that is resized`, () =>
    withMovable(byteLength, (region) => {
      const use = make(region);
      region.resize(byteLength + (1 << 20));
      use();
    }));
}

/** Every awaitable call on something that has nothing to wait for. */
function awaitables(region: MmapRegion): Record<string, (o: object) => Promise<unknown>> {
  const mutex = new Mutex(region, 0);
  const lock = new RwLock(region, 1024);
  const semaphore = new Semaphore(region, 64);
  semaphore.release(100);
  const event = new SharedEvent(region, 128);
  event.set();
  const barrier = new Barrier(region, 2048, 1);
  const once = new Once(region, 192);
  const futex = new Futex(region, 256);
  return {
    "Mutex.lock()": async (o) => (await mutex.lock(o)).unlock(),
    "RwLock.read()": async (o) => (await lock.read(o)).unlock(),
    "RwLock.write()": async (o) => (await lock.write(o)).unlock(),
    "Semaphore.acquire()": (o) => semaphore.acquire(o),
    "SharedEvent.wait()": (o) => event.wait(o),
    "Barrier.wait()": (o) => barrier.wait(o),
    "Once.run()": (o) => once.run(() => {}, o),
    "Futex.wait()": (o) => futex.wait(1, o),
  };
}

Deno.test("an aborted signal rejects at once with its reason, even where nothing is in the way", async () => {
  using region = MmapRegion.anonymous(8192);
  const reason = new Error("stop");
  for (const [name, call] of Object.entries(awaitables(region))) {
    const error = await assertRejects(() => call({ signal: AbortSignal.abort(reason) }));
    assert(error === reason, name);
    await call({}); // and nothing was taken
  }
});

Deno.test("timeoutMs and signal are checked before anything else", async () => {
  using region = MmapRegion.anonymous(8192);
  for (const call of Object.values(awaitables(region))) {
    for (const timeoutMs of [-1, NaN, -Infinity]) {
      await assertRejects(() => call({ timeoutMs }), RangeError);
    }
    for (const timeoutMs of ["1", null]) await assertRejects(() => call({ timeoutMs }), TypeError);
    await assertRejects(() => call({ signal: {} }), TypeError);
    await call({ timeoutMs: 0 });
    await call({ timeoutMs: Infinity });
    await call({ timeoutMs: 0.5 });
  }
});

Deno.test("Barrier refuses a number of parties out of range", () => {
  using region = MmapRegion.anonymous(Barrier.byteLength);
  for (const parties of [0, -1, 1.5, NaN, 121]) {
    assertThrows(() => new Barrier(region, 0, parties), RangeError);
  }
  // deno-lint-ignore no-explicit-any
  assertThrows(() => new Barrier(region, 0, "2" as any), TypeError);
});
