/** What macOS alone needs: on a Mac, or where another system does what it is told in its place. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ } from "../../ffi/constants.ts";
import { fullSyncOffThread, libSystem } from "../../ffi/darwin.ts";
import { libc } from "../../ffi/libc.ts";
import { system } from "../../src/os/mod.ts";
import type { SystemWord } from "../../src/os/system.ts";
import { writableCode } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { withLibc } from "../_libc.ts";
import { PAGE } from "../_pages.ts";
import { exists, infoOf, withName } from "../sharing/_names.ts";

const { NotFound, NotSupported } = Deno.errors;
const { memory, objects, processes, waiting } = system();

/** Elsewhere there is no such test: `deno task test:darwin` runs these. */
function onMac(name: string, fn: () => void | Promise<void>): void {
  if (system().name === "darwin") Deno.test(`on macOS, ${name}`, fn);
}

const MAKER = new URL("_darwin_maker.ts", import.meta.url);
const EVERYBODY = 0x7fffffff;

onMac("shared memory is as long as it was made, to the byte", () =>
  withName((name) => {
    using made = MmapRegion.named(name, { createNew: true, byteLength: PAGE + 1 });
    using joined = MmapRegion.named(name);
    assertEquals([made.byteLength, joined.byteLength], [PAGE + 1, PAGE + 1]);
    assertThrows(() => MmapRegion.named(name, { byteLength: PAGE + 2 }), RangeError, "must lie");
  }));

onMac("the page behind shared memory is nobody's", () =>
  withName((name) => {
    using _made = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
    assertThrows(() => MmapRegion.named(name, { reserve: 2 * PAGE }), NotSupported, "reserve");
  }));

onMac("shared memory gets longer within what its maker reserved, and loses what it loses", () => {
  using region = MmapRegion.anonymous(PAGE, { reserve: 4 * PAGE, resizable: true });
  using other = MmapRegion.attach(region.handle());
  region.resize(3 * PAGE + 5);
  region.bytes[3 * PAGE + 4] = 7;
  other.refresh();
  assertEquals([other.byteLength, other.bytes[3 * PAGE + 4]], [3 * PAGE + 5, 7]);
  region.resize(10);
  region.resize(4 * PAGE);
  assertEquals(region.bytes[3 * PAGE + 4], 0);
  assertThrows(() => region.resize(5 * PAGE), NotSupported, `reserve: ${5 * PAGE}`);
  assertEquals(region.byteLength, 4 * PAGE);
});

onMac("shared memory cannot be executed, and a copy of it can", () => {
  using region = MmapRegion.anonymous(PAGE);
  region.bytes[0] = 7;
  const attach = (access: "read" | "copy-on-write") =>
    MmapRegion.attach(region.handle(), { access, executable: true });
  assertThrows(() => attach("read"), NotSupported, "executable");
  if (writableCode.ignore) return;
  using copy = attach("copy-on-write");
  assertEquals(copy.bytes[0], 7);
});

onMac("who closes a name takes no newer object's away", () =>
  withName((name) => {
    const first = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
    MmapRegion.unlink(name);
    using second = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
    first.close();
    assertEquals(exists(name), true);
    assertEquals(infoOf(name)?.owner, { pid: Deno.pid, alive: true });
    second.bytes[0] = 1;
  }));

onMac("two objects are not taken for each other", () => {
  using region = MmapRegion.anonymous(PAGE);
  using other = MmapRegion.anonymous(PAGE);
  const handle = { ...region.handle(), inode: other.handle().inode, birthTime: "1" };
  assertThrows(() => MmapRegion.attach(handle), NotFound);
  const status = objects.status(region.handle().fd as Parameters<typeof objects.status>[0]);
  assertEquals([status.inode, status.device], [region.handle().inode, 0]);
  assert(region.handle().inode !== other.handle().inode);
});

onMac("copy-on-write of shared memory is a copy", () =>
  withName((name) => {
    using region = MmapRegion.named(name, { createNew: true, byteLength: 2 * PAGE });
    region.bytes.set([1, 2], PAGE);
    using copy = MmapRegion.named(name, { access: "copy-on-write" });
    copy.bytes[PAGE] = 9;
    assertEquals([...region.bytes.subarray(PAGE, PAGE + 2)], [1, 2]);
    assertEquals([...copy.bytes.subarray(PAGE, PAGE + 2)], [9, 2]);
  }));

onMac("anonymous memory can be attached to until it is closed, and is on no list", () => {
  const region = MmapRegion.anonymous(PAGE);
  const handle = region.handle();
  MmapRegion.attach(handle).close();
  assertEquals(MmapRegion.list().some(({ name }) => name.startsWith(".mm.")), false);
  region.close();
  assertThrows(() => MmapRegion.attach(handle), NotFound, "closed");
});

onMac(
  "reap() removes what a killed process left behind, named or not",
  () =>
    withName(async (name) => {
      await using child = new Child(MAKER, {
        args: ["make", name],
      });
      const { inode } = JSON.parse(await child.readLine()) as { inode: string };
      assertEquals(infoOf(name)?.owner, { pid: child.pid, alive: true });
      assertEquals(MmapRegion.reap().includes(name), false);
      child.kill("SIGKILL");
      await child.ended();
      assertEquals(infoOf(name)?.owner, { pid: child.pid, alive: false });
      assertEquals([MmapRegion.reap().includes(name), exists(name)], [true, false]);
      const anonymous = `.mm.${BigInt(inode).toString(32).padStart(25, "0")}`;
      assertEquals(exists(anonymous), false);
    }),
);

onMac("a thread is alive until its process has ended, and a zombie has", async () => {
  await using child = new Child(MAKER, {
    args: ["tellThread"],
  });
  const { number, fingerprint } = JSON.parse(await child.readLine());
  assertEquals(processes.processOfThread(number), child.pid);
  assertEquals(processes.isDead(number, fingerprint), false);
  assertEquals(processes.isDead(number, 0), false);
  assertEquals(processes.isDead(number, fingerprint ^ 1), true); // a later one of that number
  child.kill("SIGKILL");
  await child.ended();
  assertEquals([processes.isDead(number, fingerprint), processes.isDead(number, 0)], [true, true]);
});

onMac("all who wait are woken by one call, and a few by as many", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const futex = new Futex(region);
  const calls = async (count: number): Promise<number> => {
    let made = 0;
    // As long as somebody who was woken has not run, the kernel says that there was somebody.
    const ulockWake = (): number => (made++, 0);
    await withLibc({ ulockWake } as Parameters<typeof withLibc>[0], () => void futex.wake(count));
    return made;
  };
  assertEquals([await calls(EVERYBODY), await calls(3)], [1, 3]);
  assertEquals(futex.wake(3), 0); // nobody
});

onMac("a wait is as long as it is to be, however short, and a missing page is no error", () => {
  using region = MmapRegion.anonymous(PAGE);
  const word: SystemWord = {
    pointer: Deno.UnsafePointer.of(region.bytes)!,
    object: undefined,
    byteOffset: 0,
  };
  region.bytes[0] = 0; // brings the page in
  assertEquals(waiting.wait(word, 0, Number.MIN_VALUE), "timed-out");
  using fresh = MmapRegion.anonymous(PAGE);
  const pointer = Deno.UnsafePointer.of(new Uint8Array(fresh.buffer))!;
  assertEquals(waiting.wait({ ...word, pointer }, 0, 1), "ok"); // EFAULT: nothing was touched yet
});

onMac("awaited waits for more words than can be parked see each change", async () => {
  using region = MmapRegion.anonymous(64 * 10);
  const all = Array.from({ length: 10 }, (_, i) => new Futex(region, 64 * i));
  const waits = all.map((futex) => futex.wait(0));
  for (const futex of all) {
    futex.store(1);
    futex.wake();
  }
  assertEquals(await Promise.all(waits), all.map(() => "ok"));
});

onMac("an awaited wait is woken without a change of its word", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const futex = new Futex(region);
  const waiting = futex.wait(0, { timeoutMs: 20_000 });
  let done = false;
  waiting.then(() => done = true);
  while (!done) {
    futex.wake();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals([await waiting, futex.load()], ["ok", 0]);
});

onMac(
  "a flush to the disk empties the drive's cache, and is nothing to shared memory",
  () =>
    withTempDir(async (dir) => {
      using file = MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" });
      using shared = MmapRegion.anonymous(PAGE);
      assertEquals(await fullSyncOffThread(file.handle().fd), true);
      assertEquals(await fullSyncOffThread(shared.handle().fd), false);
      for (const region of [file, shared]) {
        region.flushSync({ durability: "disk" });
        await region.flush({ durability: "disk" });
      }
    }),
);

onMac("a file that is extended has its blocks", () =>
  withTempDir((dir) => {
    const path = `${dir}/new`;
    using region = MmapRegion.open(path, {
      access: "read-write",
      createNew: true,
      byteLength: 2 ** 20,
    });
    assert(objects.status(region.handle().fd as never).allocated >= 2 ** 20);
  }));

onMac(
  "discard() gives blocks of files back, and zeroes what is not a whole one",
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, new Uint8Array(64 * PAGE).fill(1));
      using region = MmapRegion.open(path, { access: "read-write" });
      const before = Deno.statSync(path).blocks!;
      region.discard({ byteOffset: 10, byteLength: 64 * PAGE - 20 });
      region.flushSync();
      assert(Deno.statSync(path).blocks! < before);
      const ends = [9, 10, 64 * PAGE - 11, 64 * PAGE - 10].map((at) => region.bytes[at]);
      assertEquals(ends, [1, 0, 0, 1]);
    }),
);

onMac("advice that would lose what others have is refused", () => {
  using shared = MmapRegion.anonymous(PAGE);
  using own = MmapRegion.anonymous(PAGE, { sharing: "private" });
  shared.bytes[0] = own.bytes[0] = 1;
  assertThrowsSystem(() => shared.advise("free"), TypeError, "EINVAL", "madvise");
  own.advise("free");
  assertEquals(shared.bytes[0], 1);
});

onMac("a copy takes no more at once than the kernel copies at once", async () => {
  using region = MmapRegion.anonymous(100_000);
  const sizes: number[] = [];
  const { mach_vm_read_overwrite } = libSystem();
  await withLibc(
    {
      mach_vm_read_overwrite: (...args: Parameters<typeof mach_vm_read_overwrite>) => {
        sizes.push(Number(args[2]));
        return mach_vm_read_overwrite(...args);
      },
    } as Parameters<typeof withLibc>[0],
    () => {
      assertEquals(region.tryRead(new Uint8Array(100_000), 0), 100_000);
    },
  );
  assertEquals(Math.max(...sizes), 16384);
});

onMac("memory that is private and memory that is not are told apart", () => {
  using shared = MmapRegion.anonymous(PAGE);
  using own = MmapRegion.anonymous(PAGE, { sharing: "private" });
  const isPrivate = (region: MmapRegion): boolean =>
    memory.isPrivate({ pointer: Deno.UnsafePointer.of(region.bytes)!, byteLength: PAGE });
  assertEquals([isPrivate(shared), isPrivate(own)], [false, true]);
});

onMac("an object that is being made is waited for", () =>
  withName(async (name) => {
    using _made = MmapRegion.named(name, { createNew: true, byteLength: 100 });
    const { mmap } = libc();
    let looks = 0;
    // The first looks at its last page find it empty still.
    await withLibc({
      mmap: (...args) =>
        Number(args[5]) === PAGE && looks++ < 3
          ? mmap(null, BigInt(PAGE), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0n)
          : mmap(...args),
    }, () => {
      using region = MmapRegion.named(name);
      assertEquals(region.byteLength, 100);
    });
  }));
