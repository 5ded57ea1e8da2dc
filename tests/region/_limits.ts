/** What a process does at its limits. Each action returns what its calls gave, and what they left. */

import { MmapRegion, type SystemError } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { act } from "../_act.ts";
import { PAGE } from "../_pages.ts";
import {
  addressSpace,
  descriptorCount,
  dropPrivileges,
  mapsOf,
  MEMORY_NAME,
  openDescriptors,
  setLimit,
} from "../_process.ts";
import { limitAddresses, limitHandles, limitLocked } from "../_windows_limits.ts";
import { viewCount } from "../_windows_holdings.ts";

const IS_WINDOWS = Deno.build.os === "windows";

MmapRegion.anonymous(1).close(); // loads libc and the guard

/** What this process holds. */
function held(path: string): string[] {
  if (IS_WINDOWS) {
    return [`${descriptorCount()} handles, ${viewCount()} views`, ...mapsOf(path)];
  }
  return [
    ...openDescriptors(),
    ...mapsOf(MEMORY_NAME).map((line) => line.slice(26)),
    ...mapsOf(path).map((line) => line.slice(26)),
  ].sort();
}

/** Has a region be made of a descriptor, where that can be. */
function openFd(path: string, flags: number): (() => MmapRegion)[] {
  if (IS_WINDOWS) return [];
  const fd = C.open(path, flags);
  return [() => MmapRegion.fromFd(fd)];
}

interface Attempts {
  /** Sets the limit. */
  readonly limit: () => void;
  readonly calls: readonly (() => unknown)[];
  /** Takes the limit back, if nothing could be looked at within it. */
  readonly undo?: () => void;
}

interface Outcome {
  readonly results: unknown[];
  readonly leaked: unknown;
}

/** What each call gives, and what the process holds afterwards that it did not hold before. */
function attempt(path: string, { limit, calls, undo }: Attempts): Outcome {
  const before = held(path);
  limit();
  const results = calls.map((call) => {
    try {
      call();
      return "done";
    } catch (error) {
      const { constructor, code, errno, syscall } = error as SystemError;
      return [constructor.name, code, errno, syscall];
    }
  });
  undo?.();
  const after = held(path);
  return { results, leaked: String(after) === String(before) ? null : { before, after } };
}

/** 1 GiB of address space is left. */
function leaveLittleSpace(): void {
  if (IS_WINDOWS) limitAddresses(2 ** 30);
  else setLimit("AS", addressSpace() + 2 ** 30);
}

/** Nobody, who may lock so much. */
function mayLock(byteLength: number): void {
  if (IS_WINDOWS) return limitLocked(byteLength);
  setLimit("MEMLOCK", byteLength);
  dropPrivileges();
}

const mayLockLittle = (): void => mayLock(65536);

function assertUnharmed(isUnharmed: boolean): void {
  if (!isUnharmed) throw new Error("harmed");
}

await act({
  openWithoutSpace(path: string): Outcome {
    const fromFd = openFd(path, C.O_RDONLY);
    return attempt(path, {
      limit: leaveLittleSpace,
      calls: [
        () => MmapRegion.anonymous(2 ** 32, { sharing: "shared" }),
        () => MmapRegion.anonymous(2 ** 32, { sharing: "private", reserve: false }),
        () => MmapRegion.open(path),
        () => MmapRegion.open(path, { access: "read-write", byteOffset: 1 }),
        () => MmapRegion.open(path, { access: "copy-on-write", reserve: false }),
        ...fromFd,
        () => MmapRegion.open(path, { byteLength: 4096 }).close(),
        () => MmapRegion.anonymous(4096).close(),
      ],
    });
  },

  attachWithoutSpace(path: string): Outcome {
    const small = MmapRegion.open(path, { byteLength: 4096 });
    void small.bytes;
    const handle = { ...small.handle(), byteLength: 2 ** 33 };
    return attempt(path, {
      limit: leaveLittleSpace,
      calls: [
        () => MmapRegion.attach(handle),
        () => MmapRegion.attach(handle, { byteLength: 4096 }).close(),
        () => assertUnharmed(small.bytes[0] === 0),
      ],
    });
  },

  resizeWithoutSpace(path: string): Outcome {
    const regions = [
      MmapRegion.open(path, { access: "read-write", allocate: false }),
      MmapRegion.anonymous(5000),
      MmapRegion.anonymous(5000, { sharing: "private" }),
    ];
    for (const { bytes } of regions) bytes.fill(5);
    return attempt(path, {
      limit: leaveLittleSpace,
      calls: [
        ...regions.map((region) => () => region.resize(2 ** 32)),
        ...regions.map((region) => () =>
          assertUnharmed(region.byteLength === 5000 && region.bytes.every((byte) => byte === 5))
        ),
      ],
    });
  },

  openWithoutDescriptor(path: string): Outcome {
    const fromFd = openFd(path, C.O_RDWR);
    const region = MmapRegion.open(path);
    const handle = region.handle();
    const create = { access: "read-write", create: true, byteLength: 1 } as const;
    let undo = (): void => {};
    return attempt(path, {
      limit(): void {
        if (IS_WINDOWS) return void (undo = limitHandles(0));
        const next = C.open("/dev/null", C.O_RDONLY); // the lowest that is free
        C.close(next);
        const old = setLimit("NOFILE", next);
        undo = () => void setLimit("NOFILE", old);
      },
      calls: [
        () => MmapRegion.open(path),
        () => MmapRegion.open(path, { ...create, truncate: true }),
        () => MmapRegion.open(`${path}.new`, { ...create, createNew: true }),
        () => MmapRegion.open(`${path}.new`, create),
        ...fromFd,
        () => MmapRegion.anonymous(4096),
        () => MmapRegion.attach(handle),
        () => MmapRegion.anonymous(4096, { sharing: "private" }).close(),
        () => assertUnharmed(region.bytes.length === 5000),
      ],
      undo: () => undo(),
    });
  },

  openMany(): unknown {
    if (IS_WINDOWS) limitHandles(200);
    const regions: MmapRegion[] = [];
    let failure: unknown;
    while (failure === undefined) {
      try {
        regions.push(MmapRegion.anonymous(4096, { label: "many" }));
      } catch (error) {
        const { code, syscall } = error as SystemError;
        failure = [code, syscall];
      }
    }
    for (const region of regions) region.close();
    MmapRegion.anonymous(4096).close();
    return [failure, regions.length > 100, IS_WINDOWS ? 0 : mapsOf(MEMORY_NAME).length];
  },

  protectMany(): unknown {
    const limit = Number(Deno.readTextFileSync("/proc/sys/vm/max_map_count"));
    const options = { sharing: "private", reserve: false } as const;
    const region = MmapRegion.anonymous((limit + 10) * 4096, options);
    const { bytes } = region;
    let failure: unknown;
    for (let page = 1; failure === undefined; page += 2) {
      try {
        region.protect("read", { byteOffset: page * 4096, byteLength: 4096 });
      } catch (error) {
        const { constructor, code, syscall } = error as SystemError;
        failure = [constructor.name, code, syscall];
      }
    }
    bytes[0] = 1;
    region.close();
    using again = MmapRegion.anonymous(4096);
    return [failure, again.byteLength];
  },

  openLocked(path: string): Outcome {
    return attempt(path, {
      limit: mayLockLittle,
      calls: [
        () => MmapRegion.anonymous(65537, { lock: true }),
        () => MmapRegion.anonymous(65537, { sharing: "private", lock: true }),
        () => MmapRegion.open(path, { lock: true }),
        () => MmapRegion.open(path, { lock: true, byteOffset: 4095, byteLength: 65536 }),
        () => MmapRegion.anonymous(65536, { lock: true }).close(),
        () => MmapRegion.open(path, { lock: true, byteLength: 65536 }).close(),
      ],
    });
  },

  lock(): Outcome {
    const region = MmapRegion.anonymous(2 ** 18);
    void region.bytes;
    return attempt("no path", {
      limit: mayLockLittle,
      calls: [
        () => region.lockPages(),
        () => region.lockPages({ byteLength: 65537 }),
        () => region.lockPages({ byteOffset: PAGE, byteLength: 65536 }),
        () => region.lockPages({ byteOffset: PAGE, byteLength: 65536 }), // locked already
        () => region.lockPages({ byteLength: 1 }),
        () => region.unlockPages(),
        () => region.lockPages({ byteLength: 65536 }),
        () => region.unlockPages(),
        () => region.bytes.fill(1),
      ],
    });
  },

  lockWithoutRight(path: string): Outcome {
    return attempt(path, {
      limit: () => mayLock(0),
      calls: [
        () => MmapRegion.anonymous(1, { lock: true }),
        () => MmapRegion.open(path, { lock: true }),
        () => {
          using region = MmapRegion.anonymous(1);
          region.lockPages();
        },
        ...(IS_WINDOWS || C.MAP_LOCKED === undefined
          ? []
          : [() => MmapRegion.open(path, { flags: C.MAP_LOCKED })]),
      ],
    });
  },

  openByLockedFlag(path: string): Outcome {
    return attempt(path, {
      limit: mayLockLittle,
      calls: [
        () => MmapRegion.open(path, { flags: C.MAP_LOCKED }),
        () => MmapRegion.open(path, { flags: C.MAP_LOCKED, byteLength: 65536 }).close(),
      ],
    });
  },
});
