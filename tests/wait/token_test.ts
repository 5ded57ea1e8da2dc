/** How an isolate shows that it lives: when it can, when it cannot, and when it no longer does. */

import { fromFileUrl, join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { Barrier, Condition, Mutex, Once, RwLock } from "@mmap/mmap/sync";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { F_RDLCK, F_WRLCK, O_RDWR } from "../../ffi/constants.ts";
import { EINVAL } from "../../ffi/errno.ts";
import { close, open } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { factOf } from "../../ffi/platform.ts";
import { lastError } from "../../ffi/windows/library.ts";
import { backingOf } from "../../src/region/mmap_region.ts";
import { threadsOf } from "../../src/wait/holder.ts";
import { lending, linux, liveTokens, type Need } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { lockByWindows, lockRange } from "../_file_locks.ts";
import { withTempDir } from "../_files.ts";
import { patchLibc } from "../_libc.ts";
import { bytesAt } from "../_pages.ts";
import { patchWindows } from "../_windows_library.ts";
import { nameIn } from "./_names.ts";

const IS_WINDOWS = Deno.build.os === "windows";
/** What is said of a lock that is in the way of those that show who lives. */
const IN_THE_WAY = IS_WINDOWS ? "a program of another system" : "another program has locked";

const config = fromFileUrl(new URL("../../deno.json", import.meta.url));

function withTokens(name: string, fn: () => void | Promise<void>, also?: Need): void {
  Deno.test({ name, ignore: liveTokens.ignore || also?.ignore === true, fn });
}

/** Runs `body` with two regions of one file. */
function withTwo(body: (one: MmapRegion, other: MmapRegion, path: string) => void): Promise<void> {
  return withTempDir((dir) => {
    const path = `${dir}/file`;
    const options = { access: "read-write", create: true, byteLength: 16384 } as const;
    using one = MmapRegion.open(path, options);
    using other = MmapRegion.open(path, options);
    body(one, other, path);
  });
}

withTokens(
  "closing a region gives up what was taken through it, and nothing else",
  () =>
    withTwo((one, other) => {
      const through = (region: MmapRegion) => ({
        mutex: new Mutex(region),
        lock: new RwLock(region, 1024),
        read: new RwLock(region, 2048),
      });
      const theirs = through(one);
      const ours = through(other);
      const kept = new Mutex(other, 64).lockSync();
      theirs.mutex.lockSync();
      theirs.lock.writeSync();
      theirs.read.readSync();
      assertEquals([ours.mutex.tryLock(), ours.lock.tryRead(), ours.read.tryWrite()], [
        null,
        null,
        null,
      ]);
      one.close();
      assertEquals(ours.mutex.tryLock()?.ownerDied, true);
      assertEquals(ours.lock.tryRead()?.ownerDied, true);
      assertEquals(ours.read.tryWrite()?.ownerDied, false);
      assertEquals(new Mutex(other, 64).tryLock(), null);
      kept.unlock();
    }),
);

withTokens(
  "a lock that another region of the same file took is this isolate's own",
  () =>
    withTwo((one, other) => {
      using _mutex = new Mutex(one).lockSync();
      // First: where this is not so, the calls below never come back.
      const { number, fingerprint } = nameIn(one);
      assert(threadsOf(backingOf(other)).isSelf(number, fingerprint));
      assert(!threadsOf(backingOf(other)).isSelf(number, fingerprint ^ 1));
      using _reader = new RwLock(one, 1024).readSync();
      assertThrows(() => new Mutex(other).lockSync(), Deno.errors.Busy);
      assertThrows(() => new RwLock(other, 1024).writeSync(), Deno.errors.Busy);
      new Once(one, 64).runSync(() => {
        assertThrows(() => new Once(other, 64).runSync(() => {}), Deno.errors.Busy);
      });
    }),
);

withTokens("a lock in a copy of a file is nobody's", () =>
  withTwo((one, _other, path) => {
    using _guard = new Mutex(one).lockSync();
    Deno.copyFileSync(path, `${path}2`);
    using copy = MmapRegion.open(`${path}2`, { access: "read-write" });
    using guard = new Mutex(copy).lockSync();
    assertEquals(guard.ownerDied, true);
  }));

withTokens(
  "no two regions of an object have one number, whatever chance says",
  () =>
    withTwo((one, other) => {
      const { getRandomValues } = crypto;
      const drawn = [5, 1, 5, 2, 6, 3];
      // deno-lint-ignore no-explicit-any
      (crypto as any).getRandomValues = (array: Uint32Array) => array.map(() => drawn.shift()!);
      try {
        assertEquals([nameIn(one).number, nameIn(other).number], [5, 6]);
      } finally {
        crypto.getRandomValues = getRandomValues;
      }
    }),
);

withTokens(
  "who dies before it has written its fingerprint is told from the living",
  () =>
    withTwo((one, other) => {
      const words = one.view(Int32Array);
      const mutex = new Mutex(one);
      const { number } = nameIn(other);
      words.set([number, 0]);
      assertEquals(mutex.tryLock(), null);
      words.set([number ^ 1, 0]);
      const guard = mutex.tryLock()!;
      assertEquals(guard.ownerDied, true);
      guard.unlock();
      words.set([number, 0]);
      other.close();
      assertEquals(mutex.tryLock()?.ownerDied, true);
    }),
);

/** What one of the programs beside this file prints, given a file of zeros. */
// deno-lint-ignore no-explicit-any
async function printed(program: string, path: string): Promise<any> {
  Deno.writeFileSync(path, new Uint8Array(16384));
  const { code, signal, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", "--v8-flags=--expose-gc", `--config=${config}`],
      ...[`tests/wait/${program}`, path],
    ],
    cwd: fromFileUrl(new URL("../../", import.meta.url)),
    stderr: "inherit",
  }).output();
  assertEquals({ code, signal }, { code: 0, signal: null });
  return JSON.parse(new TextDecoder().decode(stdout));
}

withTokens(
  "without a descriptor for it no lock is taken, and the error says so",
  () =>
    withTempDir(async (dir) => {
      const { failures, changed, left } = await printed("_starved.ts", `${dir}/file`);
      assertEquals(failures, Array(5).fill(["Error", "EMFILE"]));
      // The region's own descriptor is gone, and none came for the locks.
      assertEquals([changed, left], [false, IS_WINDOWS ? -2 : -1]); // and that of its section
    }),
);

withTokens(
  "a forgotten region counts as alive as long as its isolate has another one of the object",
  () =>
    withTempDir(async (dir) => {
      const { beside, after } = await printed("_forgotten.ts", join(dir, "file"));
      assertEquals(beside, [1, true, true]);
      assertEquals(after, [false, false]);
    }),
);

withTokens(
  "a Worker's descriptors for locks are used again, and end with its thread",
  () =>
    withTempDir(async (dir) => {
      const { during, left } = await printed("_tied.ts", `${dir}/file`);
      assertEquals(during, { more: 0, held: 6 });
      assertEquals(left, [0, 0]); // with its regions
    }),
  lending,
);

for (
  const [what, type, from] of [
    ["locks the whole file to write", F_WRLCK, 0n],
    ["locks the whole file to read", F_RDLCK, 0n],
    ["locks all that is behind the file", F_RDLCK, 2n ** 62n],
  ] as const
) {
  withTokens(
    `while somebody ${what} no lock can be taken, and the error says so`,
    () =>
      withTwo((one, _other, path) => {
        const unlock = lockRange(path, type, from);
        const calls = [
          () => new Mutex(one).lockSync(),
          () => new Mutex(one).tryLock(),
          () => new RwLock(one, 1024).tryRead(),
          () => new Barrier(one, 2048, 2).waitSync({ timeoutMs: 0 }),
          () => Channel.over(one, 4096, { capacity: 4096 }),
        ];
        for (const call of calls) {
          assertThrows(call, Deno.errors.Busy, IN_THE_WAY);
        }
        assertEquals(
          one.view(Int32Array).some((word) => word !== 0),
          false,
        );
        unlock();
        new Mutex(one).lockSync().unlock();
      }),
  );
}

withTokens(
  "locks of a file's own bytes and whole-file flock() are in no lock's way",
  () =>
    withTwo((one, other, path) => {
      const unlock = IS_WINDOWS ? lockByWindows(path, true, 0n, 16384n) : flockWhole(path);
      using _guard = new Mutex(one).lockSync();
      assertEquals(new Mutex(other).tryLock(), null);
      unlock();
    }),
);

function flockWhole(path: string): () => void {
  const fd = open(path, O_RDWR);
  assertEquals(libc().flock(fd, 2), 0); // LOCK_EX
  return () => close(fd);
}

/** Runs `body` as if each such call failed with that error number. */
function failing(errno: number, body: () => void): void {
  if (IS_WINDOWS) {
    const restore = patchWindows({ LockFileEx: () => (lastError[0] = errno, 0) });
    try {
      return body();
    } finally {
      restore();
    }
  }
  const cell = new Int32Array(bytesAt(libc().errnoLocation()!, 4).buffer);
  const restore = patchLibc({
    fcntlLock: () => {
      cell[0] = errno;
      return -1;
    },
  });
  try {
    body();
  } finally {
    restore();
  }
}

const ERROR_NO_SYSTEM_RESOURCES = 1450;
const ENOLCK = IS_WINDOWS ? ERROR_NO_SYSTEM_RESOURCES : factOf({ linux: 37, darwin: 77 });
/** The error's code, and the call that it is of. */
const NO_LOCK: [string, string] = IS_WINDOWS ? ["ENOMEM", "LockFileEx"] : ["ENOLCK", "fcntl"];

withTokens(
  "without a lock left no lock is taken, and the error says so",
  () =>
    withTwo((one) =>
      failing(ENOLCK, () => {
        assertThrowsSystem(() => new Mutex(one).lockSync(), Error, ...NO_LOCK);
        assertEquals(one.view(Int32Array, 0, 2).some((word) => word !== 0), false);
      })
    ),
);

withTokens(
  "where there are no such locks, threads are known by number, time and namespaces",
  () =>
    withTwo((one, other) =>
      failing(EINVAL, () => {
        const words = one.view(Int32Array, 0, 2);
        const mutex = new Mutex(one);
        mutex.lockSync();
        const [number, fingerprint] = words as unknown as [number, number];
        assertEquals(number & 0x3fffff, Number(libc().gettid(186n)));
        assertEquals(new Mutex(other).tryLock(), null);
        assertThrows(() => new Mutex(other).lockSync(), Deno.errors.Busy);
        // Another thread of that number; nobody's number; each of another namespace.
        const words_ = (n: number, f: number) => {
          words.set([n, f]);
          return new Mutex(other).tryLock()?.ownerDied;
        };
        assertEquals(words_(number, fingerprint ^ 0x55), true);
        assertEquals(words_(number & ~0x3fffff | 0x3ffffe, fingerprint), true);
        assertEquals(words_(number & ~0x3fffff | 0x3ffffe, 0), true);
        assertEquals(words_(number, fingerprint ^ 0x55 ^ 0x100000), undefined);
        assertEquals(words_((number & ~0x3fffff | 0x3ffffe) ^ 0x400000, fingerprint), undefined);
        words.fill(0);
      })
    ),
  linux,
);

Deno.test("locks in private memory and SharedArrayBuffers need no file", () => {
  using region = MmapRegion.anonymous(4096, { sharing: "private" });
  for (const memory of [region, new SharedArrayBuffer(4096)]) {
    using guard = new Mutex(memory).lockSync();
    assertEquals(new Mutex(memory).tryLock(), null);
    new Condition(memory, 64).notify();
    guard.unlock();
    assertEquals(new Mutex(memory).tryLock()?.ownerDied, false);
  }
});
