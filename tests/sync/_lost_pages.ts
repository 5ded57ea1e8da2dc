/**
 * A process that loses pages of a file in which primitives lie, because another one truncates it. Run
 * with the name of a case and a directory.
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { Barrier, Condition, Futex, Mutex, RwLock, Semaphore, SharedEvent } from "@mmap/mmap/sync";
import { system } from "../../src/os/mod.ts";
import { withSystem } from "../_fake_system.ts";
import { fillDisk } from "../_fill_disk.ts";
import { PAGE } from "../_pages.ts";
import { CALLS, LATE } from "./_lost_calls.ts";
import { assertLost, restore, runPeer, truncate, truncateMeanwhile } from "../_losing.ts";

const [name, dir] = Deno.args as [string, string];
const path = `${dir}/words`;

/** Three pages of zeros, of which the last two are about to go. */
function open(): MmapRegion {
  Deno.writeFileSync(path, new Uint8Array(3 * PAGE));
  return MmapRegion.open(path, { access: "read-write" });
}

const PEER = import.meta.resolve("./_lost_peer.ts");

/** What another process finds at a place: see `_lost_peer.ts`. */
function ask(what: "try" | "lock" | "write", byteOffset: number): string {
  return runPeer(PEER, what, path, `${byteOffset}`);
}

/** A wait that nobody ends. */
const WAITS: Record<string, (region: MmapRegion) => unknown> = {
  "RwLock.writeSync": (region) => {
    new RwLock(region, PAGE).readSync();
    new RwLock(region, PAGE).writeSync(LATE);
  },
  "Semaphore.acquireSync": (region) => new Semaphore(region, PAGE).acquireSync(LATE),
  "SharedEvent.waitSync": (region) => new SharedEvent(region, PAGE).waitSync(LATE),
  "Barrier.waitSync": (region) => new Barrier(region, PAGE, 2).waitSync(LATE),
  "Futex.waitSync": (region) => new Futex(region, PAGE).waitSync(0, LATE),
  "RwLock.write": (region) => {
    new RwLock(region, PAGE).readSync();
    return new RwLock(region, PAGE).write(LATE);
  },
  "Semaphore.acquire": (region) => new Semaphore(region, PAGE).acquire(LATE),
  "SharedEvent.wait": (region) => new SharedEvent(region, PAGE).wait(LATE),
  "Barrier.wait": (region) => new Barrier(region, PAGE, 2).wait(LATE),
  "Futex.wait": (region) => new Futex(region, PAGE).wait(0, LATE),
  "Mutex.lock": (region) => {
    new Mutex(region, PAGE).lockSync();
    return new Mutex(region, PAGE).lock(LATE);
  },
};

const cases: Record<string, () => unknown> = {
  async "every call throws until repair"(): Promise<void> {
    const all = Object.entries(CALLS).flatMap(([kind, calls]) =>
      Object.entries(calls).map(([member, call]) => [`${kind}.${member}`, call] as const)
    );
    for (const [what, call] of all) {
      using region = open();
      truncate(path, PAGE);
      await assertLost(path, what, () => call(region, PAGE));
      await assertLost(path, `${what} again`, () => call(region, PAGE));
      truncate(path, 3 * PAGE);
      await assertLost(path, `${what} before repair`, () => call(region, PAGE));
      region.repair();
      new Semaphore(region, PAGE + 2048).release();
      assertEquals(new Semaphore(region, PAGE + 2048).count, 1, what);
      assertEquals(new Mutex(region, PAGE + 3072).tryLock()?.ownerDied, false, what);
    }
  },

  async "a primitive works again after repair"(): Promise<void> {
    using region = open();
    const mutex = new Mutex(region, PAGE);
    const lock = new RwLock(region, PAGE + 1024);
    const lost = mutex.lockSync();
    truncate(path, PAGE);
    await assertLost(path, "Mutex", () => mutex.tryLock());
    await assertLost(path, "RwLock", () => lock.tryRead());
    lost.unlock(); // silent
    truncate(path, 3 * PAGE);
    region.repair();
    const guard = mutex.lockSync();
    lost.unlock(); // is nobody's any more
    assertEquals(mutex.locked, true);
    guard.unlock();
    assertEquals(mutex.locked, false);
    lock.readSync().unlock();
    lock.writeSync().unlock();
  },

  async "waits end"(): Promise<void> {
    for (const [what, wait] of Object.entries(WAITS)) {
      using region = open();
      const truncating = truncateMeanwhile(path, PAGE);
      await assertLost(path, what, () => wait(region));
      await truncating;
    }
  },

  async "the system meets the missing page first"(): Promise<void> {
    using region = open();
    const futex = new Futex(region, PAGE);
    const { wait } = system().waiting;
    const loseFirst: typeof wait = (...args) => {
      truncate(path, PAGE);
      return wait(...args);
    };
    await withSystem({ waiting: { wait: loseFirst } }, async () => {
      await assertLost(path, "Futex.waitSync", () => futex.waitSync(0, LATE));
    });
  },

  "what lies on other pages goes on"(): void {
    using region = open();
    const mutex = new Mutex(region, 0);
    using _held = mutex.lockSync();
    const lost = new Mutex(region, PAGE);
    lost.lockSync();
    truncate(path, PAGE);
    assertThrows(() => lost.locked, MappingFaultError);
    assertEquals(ask("try", 0), "held");
    using region2 = MmapRegion.open(path, { access: "read-write" });
    assertEquals(new Mutex(region2, 0).tryLock(), null);
    assertThrows(() => new Mutex(region2, 0).lockSync(), Deno.errors.Busy);
    _held.unlock();
    assertEquals(ask("try", 0), "taken");
    const other = new Semaphore(region, 512);
    other.release();
    other.acquireSync();
    assertEquals(ask("lock", 0), "ownerDied false");
  },

  "stray writes do not count"(): void {
    using region = open();
    const mutex = new Mutex(region, PAGE);
    using _guard = mutex.lockSync();
    const { bytes } = region;
    region.protect("read", { byteOffset: PAGE, byteLength: PAGE });
    bytes[PAGE + 2048] = 1;
    assertEquals(region.faults, 1);
    assertEquals(mutex.locked, true);
    assertEquals(mutex.tryLock(), null);
    const elsewhere = new Mutex(region, 0);
    elsewhere.lockSync().unlock();
    truncate(path, 2 * PAGE);
    assertThrows(() => new Mutex(region, 2 * PAGE).tryLock(), MappingFaultError);
    assertEquals(mutex.locked, true); // a copy is no loss, even if another page is lost
  },

  "what was held is given up"(): void {
    using region = open();
    const mutex = new Mutex(region, PAGE);
    const lock = new RwLock(region, PAGE + 1024);
    const intact = new Mutex(region, 0);
    const guard = mutex.lockSync();
    const reading = lock.readSync();
    using _intact = intact.lockSync();
    const before = Deno.readFileSync(path);
    truncate(path, PAGE);
    assertThrows(() => lock.tryRead(), MappingFaultError);
    restore(path, before, PAGE);
    assertEquals(ask("lock", PAGE), "ownerDied true");
    assertEquals(ask("write", PAGE + 1024), "ownerDied false");
    assertEquals(ask("try", 0), "held");
    // Also for this process, once it sees the true page again; and what it held, it holds no more.
    region.repair();
    const again = mutex.lockSync();
    guard.unlock();
    reading.unlock();
    assertEquals(ask("try", PAGE), "held");
    again.unlock();
    assertEquals(ask("try", PAGE), "taken");
  },

  "what was lost and healed between two calls is given up"(): void {
    using region = open();
    const guard = new Mutex(region, PAGE).lockSync();
    const before = Deno.readFileSync(path);
    truncate(path, PAGE);
    assertEquals(region.bytes[2 * PAGE - 1], 0); // the touch by which it is lost
    restore(path, before, PAGE);
    region.repair();
    assertEquals(ask("lock", PAGE), "ownerDied true");
    guard.unlock();
  },

  "unlocking is what loses it"(): void {
    using region = open();
    const guard = new Mutex(region, PAGE).lockSync();
    const before = Deno.readFileSync(path);
    truncate(path, PAGE);
    guard.unlock();
    restore(path, before, PAGE);
    assertEquals(ask("lock", PAGE), "ownerDied true");
  },

  "private memory of a file"(): void {
    Deno.writeFileSync(path, new Uint8Array(3 * PAGE));
    using region = MmapRegion.open(path, { access: "copy-on-write" });
    const mutex = new Mutex(region, PAGE);
    const written = new Mutex(region, 0);
    written.lockSync();
    truncate(path, PAGE);
    assertThrows(() => mutex.tryLock(), MappingFaultError);
    assertEquals(written.locked, true);
    truncate(path, 0);
    assertThrows(() => written.locked, MappingFaultError);
  },

  async "shared buffers, also in a Worker"(): Promise<void> {
    using region = open();
    const buffer = region.sharedBuffer();
    const here = new Mutex(buffer, PAGE);
    const intact = new Mutex(buffer, 0);
    here.lockSync().unlock();
    const worker = new Worker(import.meta.resolve("./_lost_worker.ts"), { type: "module" });
    const inWorker = () =>
      new Promise<string>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage({ buffer, at: PAGE });
      });
    assertEquals(await inWorker(), "taken");
    truncate(path, PAGE);
    assertThrows(() => here.lockSync(), MappingFaultError);
    assertEquals(await inWorker(), "MappingFaultError");
    intact.lockSync().unlock();
    truncate(path, 3 * PAGE);
    region.repair();
    here.lockSync().unlock();
    assertEquals(await inWorker(), "taken");
    worker.terminate();
    // Memory of other kinds has no pages to lose.
    new Mutex(new SharedArrayBuffer(64)).lockSync();
    new Mutex(new SharedArrayBuffer(65536)).lockSync();
  },

  async "a Worker with a mapping of its own"(): Promise<void> {
    using region = open();
    const here = new Mutex(region, PAGE);
    const worker = new Worker(import.meta.resolve("./_lost_worker.ts"), { type: "module" });
    const inWorker = () =>
      new Promise<string>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage({ handle: region.handle(), at: PAGE });
      });
    assertEquals(await inWorker(), "taken");
    truncate(path, PAGE);
    assertEquals(await inWorker(), "MappingFaultError");
    assertThrows(() => here.locked, MappingFaultError);
    worker.terminate();
  },

  async "no page can be had on a full disk"(): Promise<void> {
    const sparse = Deno.openSync(path, { write: true, create: true });
    sparse.truncateSync(8 * PAGE);
    sparse.close();
    using region = MmapRegion.open(path, { access: "read-write", allocate: false });
    const there = new Mutex(region, 0);
    there.lockSync().unlock(); // its page is there
    await fillDisk(dir);
    const lost = new Mutex(region, 4 * PAGE);
    for (let i = 0; i < 2; i++) assertThrows(() => lost.lockSync(), MappingFaultError);
    assertThrows(() => new Semaphore(region, 5 * PAGE).release(), MappingFaultError);
    const guard = there.lockSync();
    assertEquals(ask("try", 0), "held");
    guard.unlock();
    Deno.removeSync(`${dir}/filler`);
    assertThrows(() => lost.tryLock(), MappingFaultError);
    region.repair();
    using _guard = lost.lockSync();
    assertEquals(ask("try", 4 * PAGE), "held");
  },

  "a Condition and its mutex"(): void {
    using region = open();
    const mutex = new Mutex(region, 0);
    const condition = new Condition(region, PAGE);
    const guard = mutex.lockSync();
    truncate(path, PAGE);
    assertThrows(() => condition.waitSync(guard, LATE), MappingFaultError);
    assertEquals(ask("try", 0), "held");
    guard.unlock();
    assertEquals(ask("try", 0), "taken");
  },

  async "a Condition that is lost while it waits holds its mutex again"(): Promise<void> {
    using region = open();
    const guard = new Mutex(region, 0).lockSync();
    const waiting = new Condition(region, PAGE).wait(guard, LATE);
    truncate(path, PAGE);
    await assertRejects(() => waiting, MappingFaultError);
    assertEquals(ask("try", 0), "held");
  },
};

await cases[name]!();
