/** What Windows alone needs: on Windows, or in Deno for Windows under Wine. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { Futex, Mutex } from "@mmap/mmap/sync";
import {
  ERROR_ACCESS_DENIED,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from "../../ffi/windows/errors.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import type { OpenObject } from "../../src/os/system.ts";
import { Child } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { exists, withName } from "../sharing/_names.ts";
import { onWindows } from "../_windows_library.ts";

const { AlreadyExists, NotFound, NotSupported, PermissionDenied } = Deno.errors;

const PEER = new URL("_windows_peer.ts", import.meta.url);

onWindows(
  "errors have Windows' number, a POSIX name, and Deno's class",
  () =>
    withTempDir((dir) => {
      const path = join(dir, "none");
      const error = assertThrowsSystem(() => MmapRegion.open(path), NotFound, "ENOENT", "open");
      assertEquals([error.errno, error.syscall], [2, "CreateFileW"]);
      assert(error.message.endsWith(`(os error 2): CreateFileW '${path}'`), error.message);
      Deno.writeFileSync(path, new Uint8Array(1));
      const options = { access: "read-write", createNew: true, byteLength: 1 } as const;
      const there = assertThrowsSystem(
        () => MmapRegion.open(path, options),
        AlreadyExists,
        "EEXIST",
        "open",
      );
      assertEquals(there.errno, 80);
    }),
);

onWindows("an error is the call's own, whatever garbage is made meanwhile", () => {
  const garbage: unknown[] = [];
  for (let i = 0; i < 2000; i++) {
    garbage[i % 100] = new Array(5000).fill(i);
    const error = assertThrowsSystem(
      () => MmapRegion.open("C:\\no such file"),
      NotFound,
      "ENOENT",
      "open",
    );
    assertEquals(error.errno, 2);
  }
});

onWindows("a thread is dead if there is none of that number, and for no other reason", () => {
  const { isDead, thread } = system().processes;
  const { number } = thread();
  const { OpenThread } = windows();
  try {
    for (const error of [ERROR_ACCESS_DENIED, ERROR_NOT_ENOUGH_MEMORY, ERROR_INVALID_PARAMETER]) {
      Object.assign(windows(), { OpenThread: () => (lastError[0] = error, 0) });
      assertEquals(isDead(number, 0), error === ERROR_INVALID_PARAMETER);
    }
  } finally {
    Object.assign(windows(), { OpenThread });
  }
  assertEquals([isDead(number, 0), isDead(2 ** 30 - 4, 0)], [false, true]);
});

onWindows(
  "a file is mapped by its path and by its URL, from any byte on",
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, 3 * PAGE + 10);
      for (const name of [path, toFileUrl(path), path.replaceAll("\\", "/"), `\\\\?\\${path}`]) {
        using region = MmapRegion.open(name, { byteOffset: PAGE + 1 });
        assertEquals(region.bytes, pattern(3 * PAGE + 10).subarray(PAGE + 1));
      }
    }),
);

onWindows(
  "a file gets shorter under its own mapping, and longer again",
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, 10 * PAGE);
      using region = MmapRegion.open(path, { access: "read-write" });
      for (const length of [PAGE + 5, 20 * PAGE + 1, 3 * PAGE, 5]) {
        region.resize(length);
        region.bytes[length - 1] = 7;
        assertEquals([Deno.statSync(path).size, region.bytes[length - 1]], [length, 7]);
      }
      assertEquals(region.bytes.subarray(0, 4), pattern(4));
    }),
);

onWindows(
  "a file that another region maps cannot be made shorter, and both go on",
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, 4 * PAGE);
      using one = MmapRegion.open(path, { access: "read-write" });
      using other = MmapRegion.open(path);
      const error = assertThrows(() => one.resize(PAGE), Error) as Error & { code: string };
      assertEquals(error.code, "ERROR_USER_MAPPED_FILE");
      one.bytes[3 * PAGE] = 99;
      assertEquals([one.byteLength, other.bytes[3 * PAGE]], [4 * PAGE, 99]);
      other.close();
      one.resize(PAGE);
      assertEquals(Deno.statSync(path).size, PAGE);
    }),
);

onWindows(
  "a region grows in place within its reserve, by views beside each other",
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGE + 1);
      using region = MmapRegion.open(path, { access: "read-write", reserve: 16 * PAGE });
      const { bytes } = region;
      for (const length of [2 * PAGE + 1, 9 * PAGE, 16 * PAGE]) {
        region.resize(length);
        region.bytes[length - 1] = 5;
      }
      region.flushSync();
      region.protect("read");
      region.protect("read-write");
      assertEquals(bytes[0], pattern(1)[0]);
      region.close();
      const content = Deno.readFileSync(path);
      assertEquals([content.length, content[2 * PAGE], content[9 * PAGE - 1]], [16 * PAGE, 5, 5]);
    }),
);

onWindows(
  "shared memory is as long as it was made, to the byte, and has room to grow",
  () =>
    withName((name) => {
      using made = MmapRegion.named(name, { createNew: true, byteLength: PAGE + 1 });
      using joined = MmapRegion.named(name);
      assertEquals(joined.byteLength, PAGE + 1);
      made.resize(100 * PAGE);
      made.bytes[100 * PAGE - 1] = 3;
      joined.refresh();
      assertEquals(joined.bytes[100 * PAGE - 1], 3);
      assertThrows(() => made.resize(2 ** 30), NotSupported, "its creator must ask for more");
      assertEquals(made.bytes[100 * PAGE - 1], 3);
    }),
);

onWindows(
  "a handle of a file leads to it by its process, too, and is no memory",
  () =>
    withTempDir((dir) => {
      using region = MmapRegion.open(makeFile(dir, PAGE));
      const handle = region.handle();
      using other = MmapRegion.attach({ ...handle, path: join(dir, "elsewhere") });
      assertEquals(other.bytes, pattern(PAGE));
      const { objects } = system();
      assertEquals(objects.isPathless(objects.status(handle.fd as OpenObject)), false);
      using memory = MmapRegion.anonymous(PAGE);
      assertEquals(objects.isPathless(objects.status(memory.handle().fd as OpenObject)), true);
    }),
);

onWindows("names that differ in upper and lower case alone are two", () =>
  withName((name) => {
    using small = MmapRegion.named(`${name}-a`, { createNew: true, byteLength: 1 });
    using large = MmapRegion.named(`${name}-A`, { createNew: true, byteLength: 1 });
    small.bytes[0] = 1;
    assertEquals(large.bytes[0], 0);
    const names = MmapRegion.list().map((info) => info.name);
    assert(names.includes(`${name}-a`) && names.includes(`${name}-A`), names.join());
  }));

onWindows(
  "a name goes with its creator, and the memory with its last user",
  () =>
    withName(async (name) => {
      await using child = new Child(PEER, { args: ["make", name] });
      assertEquals(await child.readLine(), "made");
      using region = MmapRegion.named(name);
      assertThrows(() => MmapRegion.unlink(name), NotSupported, "when its creator closes it");
      child.kill();
      await child.ended();
      assertEquals([exists(name), region.bytes[0]], [false, 42]);
    }),
);

onWindows(
  "what this system lacks is NotSupported, and changes nothing",
  () =>
    withName((name) => {
      using region = MmapRegion.anonymous(PAGE);
      assertThrows(() => region.wasmMemory(), NotSupported, "the region's own views");
      assertThrows(() => region.sharedBuffer(), NotSupported, "the region's own views");
      assertThrows(() => MmapRegion.fromFd(3), NotSupported, "MmapRegion.open(path)");
      assertThrows(() => MmapRegion.open("NUL", { byteLength: 1 }), NotSupported, "files alone");
      const mode = { createNew: true, byteLength: 1, mode: 0o666 } as const;
      assertThrows(() => MmapRegion.named(name, mode), NotSupported, "its user's alone");
      assertEquals([exists(name), region.bytes[0]], [false, 0]);
    }),
);

onWindows("a view allows no more than it was made with", () =>
  withTempDir((dir) => {
    using region = MmapRegion.open(makeFile(dir, PAGE));
    const write = () => region.protect("read-write");
    assertThrowsSystem(write, PermissionDenied, "EACCES", "mprotect");
    assertEquals(region.bytes[0], pattern(1)[0]);
  }));

onWindows("a wake-up reaches who sleeps in another process, and says so", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const futex = new Futex(region);
  await using child = new Child(PEER, { args: ["sleep"], env: region.env() });
  assertEquals(await child.readLine(), "sleeping");
  const deadline = performance.now() + 20_000;
  while (futex.wake() === 0) {
    assert(performance.now() < deadline, "nobody was found asleep");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(await child.readLine(), "ok");
});

onWindows("a Worker that is terminated gives up what it held", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const mutex = new Mutex(region);
  const worker = new Worker(PEER, { type: "module" });
  await new Promise((resolve) => {
    worker.onmessage = resolve;
    worker.postMessage(region.handle());
  });
  assertEquals(mutex.tryLock(), null);
  worker.terminate();
  using guard = mutex.lockSync({ timeoutMs: 20_000 });
  assertEquals(guard.ownerDied, true);
});

onWindows("the label of shared memory is seen by others, and its name", async () => {
  const observing = (await system().observing!())!;
  const label = `${crypto.randomUUID()} Grüße`;
  using labelled = MmapRegion.anonymous(PAGE, { label });
  using _plain = MmapRegion.anonymous(PAGE);
  await withName((name) => {
    using _named = MmapRegion.named(name, { createNew: true, byteLength: 1 });
    const own = observing.mappings().filter(({ pid }) => pid === Deno.pid);
    const paths = own.map(({ path }) => path);
    assertEquals([`memory:${label}`, `shm:${name}`].filter((path) => !paths.includes(path)), []);
    const way = observing.wayTo(own.find(({ path }) => path.endsWith(label))!)!;
    assert("memory" in way && way.memory.inode === labelled.handle().inode);
  });
  assert(
    !observing.mappings().some(({ path }) => /^c:\\windows\\/i.test(path)),
    "files of Windows",
  );
  labelled.close();
  assert(!observing.mappings().some(({ path }) => path.endsWith(label)));
});

onWindows(
  "processes of others are seen with their command and threads, and none that is gone",
  async () => {
    const observing = (await system().observing!())!;
    const child = new Child(PEER, { args: ["make", crypto.randomUUID()] });
    await child.readLine();
    assert(observing.ownProcesses().includes(child.pid));
    assert(observing.commandOf(child.pid)!.includes("_windows_peer.ts"));
    const { processes } = system();
    const owners = observing.threadsOf(child.pid).map((tid) => processes.processOfThread(tid));
    assertEquals([owners.length > 0, new Set(owners)], [true, new Set([child.pid])]);
    child.kill();
    await child.ended();
    const { pid } = child;
    assertEquals(
      [observing.threadsOf(pid), observing.mappings().some((each) => each.pid === pid)],
      [[], false],
    );
  },
);
