/** The primitives of ./sync between Deno and Python: languages/python/mmap_peer.py. */

import { assert, assertEquals } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Futex, Mutex, SharedEvent } from "@mmap/mmap/sync";
import { Child } from "../_child.ts";
import { fillDisk } from "../_fill_disk.ts";
import { SMALL_DISKS } from "../_mount.ts";
import { assertRaises, PythonPeer, testWithPython } from "./_peer.ts";

/** A region, and a Python that has opened it as "r". */
async function opened(
  body: (region: MmapRegion, python: PythonPeer) => Promise<void>,
  args: string[] = [],
): Promise<void> {
  using region = MmapRegion.anonymous(4096);
  await using python = await joined(region, args);
  await body(region, python);
}

async function joined(region: MmapRegion, args: string[] = []): Promise<PythonPeer> {
  const python = new PythonPeer(args);
  await python.make("r", "Region.attach", formatHandle(region.handle()));
  await python.make("m", "Mutex", "r");
  return python;
}

const HOLDER = new URL("_holder.ts", import.meta.url);

/** A Deno that holds the mutex at the beginning of the region. */
async function holder(region: MmapRegion): Promise<Child> {
  const child = new Child(HOLDER, { env: region.env() });
  assertEquals(await child.readLine(), "held");
  return child;
}

/** A word of the region, once a condition holds for it. */
async function word(region: MmapRegion, at: number, is: (word: number) => boolean): Promise<void> {
  const cells = region.view(Int32Array);
  while (!is(Atomics.load(cells, at))) await new Promise((resolve) => setTimeout(resolve, 1));
}

const hasWaiters = (state: number): boolean => state < 0;

const ADDED = 2000;

for (const args of [[], ["--no-memfd"], ["--weak"]]) {
  testWithPython(
    `Mutex keeps Deno and Pythons apart ${args.join()}`,
    () =>
      opened(async (region, python) => {
        await using other = await joined(region, args);
        const added = [
          python.ask("add_in_threads", "m", "r", 64, ADDED, 2),
          other.ask("add", "m", "r", 64, ADDED),
        ];
        const mutex = new Mutex(region);
        const number = region.view(Float64Array, 128, 1);
        const counted = region.view(BigInt64Array, 64, 1);
        for (let i = 0; i < ADDED; i++) {
          using _guard = i % 2 === 0 ? mutex.lockSync() : await mutex.lock();
          counted[0]! += 1n;
          number[0]!++;
        }
        await Promise.all(added);
        assertEquals([counted[0], number[0]], [BigInt(4 * ADDED), ADDED]);
        assertEquals(mutex.locked, false);
      }, args),
  );
}

testWithPython(
  "Mutex of a killed Python goes to Deno, which learns of it",
  () =>
    opened(async (region, python) => {
      assertEquals(await python.do("m.acquire"), true);
      const mutex = new Mutex(region);
      assertEquals(mutex.holder, { pid: python.pid, tid: python.pid, alive: true });
      assertEquals(mutex.tryLock(), null);
      await python.killed();
      using guard = mutex.lockSync();
      assertEquals(guard.ownerDied, true);
    }),
);

testWithPython(
  "Mutex of a killed Python goes to Deno though its fork lives",
  () =>
    opened(async (region, python) => {
      await python.do("m.acquire");
      const child = await python.ask("fork_sleeper") as number;
      try {
        await python.killed();
        using guard = new Mutex(region).lockSync({ timeoutMs: 20_000 });
        assertEquals(guard.ownerDied, true);
      } finally {
        Deno.kill(child, "SIGKILL");
      }
    }),
);

for (const blocking of [true, false]) {
  testWithPython(
    `Mutex of a killed Deno goes to Python, blocking ${blocking}`,
    () =>
      opened(async (region, python) => {
        await using deno = await holder(region);
        assertEquals(await python.do("m.acquire", false), false);
        assertEquals(await python.do("m.acquire", true, 0.01), false);
        const waiting = blocking ? python.do("m.acquire") : undefined;
        if (blocking) await word(region, 0, hasWaiters);
        deno.kill();
        assertEquals((await deno.ended()).signal, "SIGKILL");
        assertEquals(await (waiting ?? python.do("m.acquire", false)), true);
        assertEquals(await python.do("m.owner_died"), true);
        await python.do("m.release");
        assertEquals(await python.do("m.acquire"), true);
        assertEquals(await python.do("m.owner_died"), false);
      }),
  );
}

testWithPython(
  "Mutex of a living Python is not taken from it",
  () =>
    opened(async (region, python) => {
      await python.do("m.acquire");
      const waiting = new Mutex(region).lock();
      await word(region, 0, hasWaiters);
      await using other = await joined(region);
      assertEquals(await other.do("m.acquire", true, 0.1), false);
      assertEquals(await python.do("m.locked"), true);
      await python.do("m.release");
      using guard = await waiting;
      assertEquals(guard.ownerDied, false);
    }),
);

testWithPython("Mutex is unlocked by its holder alone", () =>
  opened(async (region, python) => {
    await assertRaises(python.do("m.release"), "RuntimeError", "does not hold it");
    using _guard = new Mutex(region).lockSync();
    await assertRaises(python.do("m.release"), "RuntimeError", "does not hold it");
    assertEquals(await python.do("m.locked"), true);
  }));

testWithPython(
  "Mutex of a Python that forked stays the parent's",
  () =>
    opened(async (region, python) => {
      await python.do("m.acquire");
      await python.ask("fork");
      await assertRaises(python.do("m.release"), "RuntimeError", "does not hold it");
      assertEquals(await python.do("m.acquire", false), false);
      assertEquals(new Mutex(region).tryLock(), null);
      assertEquals((await python.ended()).code, 0); // the parent ends with it
      using guard = new Mutex(region).lockSync();
      assertEquals(guard.ownerDied, true);
    }),
);

testWithPython("Region.close() gives up what Python held", () =>
  opened(async (region, python) => {
    await python.do("m.acquire");
    await python.do("r.close");
    using guard = new Mutex(region).lockSync();
    assertEquals(guard.ownerDied, true);
    await assertRaises(python.do("m.acquire"), "ValueError", "closed");
    await assertRaises(python.make("n", "Mutex", "r"), "ValueError", "closed");
  }));

testWithPython("SharedEvent wakes Python, and Deno", () =>
  opened(async (region, python) => {
    const there = new SharedEvent(region, 64);
    await python.make("there", "SharedEvent", "r", 64);
    await python.make("back", "SharedEvent", "r", 128);
    assertEquals(await python.do("there.wait", 0.01), false);
    const waiting = python.do("there.wait");
    await word(region, 17, (count) => count === 1);
    there.set();
    assertEquals(await waiting, true);
    assertEquals([await python.do("there.is_set"), region.view(Int32Array)[17]], [true, 0]);
    const back = new SharedEvent(region, 128);
    const awaited = back.wait();
    await python.do("back.set");
    await awaited;
    await python.do("back.clear");
    assertEquals(back.isSet, false);
  }));

testWithPython("SharedEvent with auto_reset lets one pass", () =>
  opened(async (region, python) => {
    const event = new SharedEvent(region, 64, { autoReset: true });
    await python.make("e", "SharedEvent", "r", 64, { auto_reset: true });
    event.set();
    assertEquals([await python.do("e.wait"), await python.do("e.wait", 0)], [true, false]);
    await python.do("e.set");
    event.waitSync({ timeoutMs: 20_000 });
    assertEquals(event.isSet, false);
  }));

testWithPython("Futex waits, wakes, adds and exchanges", () =>
  opened(async (region, python) => {
    const futex = new Futex(region, 64);
    await python.make("f", "Futex", "r", 64);
    futex.store(-5);
    assertEquals(await python.do("f.load"), -5);
    assertEquals([await python.do("f.add", -2), futex.load()], [-5, -7]);
    assertEquals([await python.do("f.compare_exchange", -6, 1), futex.load()], [-7, -7]);
    assertEquals([await python.do("f.compare_exchange", -7, 3), futex.load()], [-7, 3]);
    assertEquals(await python.do("f.wait", 4), true);
    assertEquals(await python.do("f.wait", 3, 0.01), false);
    const waiting = python.do("f.wait", 3);
    while (futex.wake() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(await waiting, true);
    let ended = false;
    const awaited = futex.wait(3).finally(() => ended = true);
    await python.do("f.store", 9);
    while (!ended) await python.do("f.wake"); // it may not sleep yet
    assert(["ok", "not-equal"].includes(await awaited));
  }));

testWithPython(
  "primitives lie at multiples of 64 bytes, within writable memory",
  () =>
    opened(async (region, python) => {
      for (const offset of [-64, 32, 4096]) {
        await assertRaises(
          python.make("x", "Mutex", "r", offset),
          "ValueError",
          "Cannot place mutex",
        );
      }
      const handle = { ...region.handle(), access: "read" as const };
      await python.make("read", "Region.attach", formatHandle(handle));
      await assertRaises(python.make("x", "Mutex", "read"), "ValueError", "cannot be written to");
    }),
);

testWithPython(
  "nonsense in the words of a primitive is a ValueError",
  () =>
    opened(async (region, python) => {
      const cells = region.view(Int32Array);
      await python.make("e", "SharedEvent", "r", 64);
      cells[0] = 0x40000001;
      cells[16] = 2;
      await assertRaises(python.do("m.acquire"), "ValueError", "damaged");
      await assertRaises(python.do("m.locked"), "ValueError", "damaged");
      await assertRaises(python.do("e.wait"), "ValueError", "damaged");
      cells[0] = 7; // a holder that never lived
      assertEquals(await python.do("m.acquire"), true);
      assertEquals(await python.do("m.owner_died"), true);
    }),
);

testWithPython(
  "Mutex is refused where others could not see that Python lives",
  () =>
    opened(async (region, python) => {
      await using other = await joined(region);
      await other.ask("lock_bytes", "r", 0, 0); // all of it, as old programs lock files
      await assertRaises(python.do("m.acquire"), "OSError", "locked all of the object");
      await other.ended();
      await using windows = await joined(region);
      await windows.ask("lock_bytes", "r", 2 ** 62, 1); // as programs for Windows do
      await assertRaises(python.do("m.acquire"), "OSError", "a program for Windows");
      assertEquals(new Uint32Array(region.bytes.slice(0, 64).buffer)[0], 0);
      await windows.ended();
      assertEquals(await python.do("m.acquire"), true);
    }),
);

for (const disk of SMALL_DISKS) {
  testWithPython(
    `Mutex in a hole of a full disk is an error for Python (${disk.name})`,
    () =>
      disk.with(async (dir) => {
        Deno.writeFileSync(`${dir}/hole`, new Uint8Array(1));
        Deno.truncateSync(`${dir}/hole`, 1 << 20);
        await fillDisk(dir);
        await using python = new PythonPeer();
        await python.make("r", "Region", `${dir}/hole`);
        await assertRaises(
          python.make("m", "Mutex", "r", 1 << 19),
          "OSError",
          disk.name === "ext2" ? "has holes" : "No space left",
        );
        await python.do("r.close");
        assertEquals((await python.ended()).signal, null);
      }),
    { ignore: disk.missing !== undefined },
  );
}
