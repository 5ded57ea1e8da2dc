/** What the other processes of these tests do. */

import {
  type AnonymousOptions,
  MmapRegion,
  type OpenRegionOptions,
  type RegionHandle,
  type SystemError,
} from "@mmap/mmap";
import { close, O_RDONLY, open } from "@mmap/mmap/libc";
import { ERROR_ACCESS_DENIED, ERROR_DISK_FULL } from "../../ffi/windows/errors.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { act } from "../_act.ts";
import { patchWindows } from "../_windows_library.ts";
import { limitAddresses, limitLocked } from "../_windows_limits.ts";
import { resultOf } from "../_child.ts";
import {
  addressSpace,
  descriptorsOf,
  dropPrivileges,
  mapsOf,
  openDescriptors,
  setLimit,
} from "../_process.ts";

/** What a call throws, field by field; undefined if it throws nothing. */
function failureOf(
  call: () => unknown,
  fields: readonly (keyof SystemError)[],
): unknown[] | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return fields.map((field) => (error as SystemError)[field]);
  }
}

const WHOLE = ["name", "code", "errno", "syscall"] as const;
const BRIEF = ["name", "code", "syscall"] as const;

/** Limits that a process sets for itself, or the user that it becomes. */
export type Limit =
  | { readonly fileSize: number }
  | { readonly spaceLeft: number }
  | { readonly lockedByNobody: number };

function setOwn(limit: Limit | null): void {
  if (limit === null) return;
  if (Deno.build.os === "windows") return failBeyond(limit);
  if ("fileSize" in limit) setLimit("FSIZE", limit.fileSize);
  else if ("spaceLeft" in limit) setLimit("AS", addressSpace() + limit.spaceLeft);
  else {
    setLimit("MEMLOCK", limit.lockedByNobody);
    dropPrivileges();
  }
}

/** Windows has no such limits: its calls fail as they do on a full disk, or without addresses. */
function failBeyond(limit: Limit): void {
  const { CreateFileMappingW } = windows();
  if ("fileSize" in limit) {
    patchWindows({
      CreateFileMappingW: (file, security, protection, high, low, name) => {
        if (file === -1n || high * 2 ** 32 + low <= limit.fileSize) {
          return CreateFileMappingW(file, security, protection, high, low, name);
        }
        lastError[0] = ERROR_DISK_FULL;
        return 0;
      },
    });
  } else if ("spaceLeft" in limit) limitAddresses(limit.spaceLeft);
  else limitLocked(limit.lockedByNobody);
}

/** Windows denies some of the rights that a file is opened with, as its list of rights would. */
function denyRights(denied: number): void {
  const { CreateFileW } = windows();
  patchWindows({
    CreateFileW(path, access, ...rest): number {
      if ((access & denied) === 0) return CreateFileW(path, access, ...rest);
      return lastError[0] = ERROR_ACCESS_DENIED, -1;
    },
  });
}

/** How a region is made whose resizing fails: of the file, or anonymous memory as long as the file. */
export type Source = { readonly allocate: boolean } | AnonymousOptions;

await act({
  /** Tries everything that could change memory that `handle` leads to and another process has sealed. */
  writeToSealed({ pid, fd }: RegionHandle): unknown {
    const told = (call: () => unknown): unknown => failureOf(call, BRIEF) ?? "done";
    using region = MmapRegion.fromEnv();
    const path = `/proc/${pid}/fd/${fd}`;
    return {
      access: region.access,
      first: region.bytes[0],
      attach: told(() => MmapRegion.fromEnv().close()),
      attachForWriting: told(() => {
        const handle = Deno.env.get("MMAP_REGION")!;
        MmapRegion.attach(handle, { access: "read-write" }).close();
      }),
      ...Deno.build.os === "windows" ? {} : {
        open: told(() => MmapRegion.open(path, { access: "read-write" }).close()),
        write: told(() => Deno.openSync(path, { write: true }).writeSync(Uint8Array.of(1))),
        shrink: told(() => Deno.openSync(path, { write: true }).truncateSync(1)),
      },
      protect: told(() => region.protect("read-write")),
      tryWrite: region.tryWrite(Uint8Array.of(1), 0),
      copy: told(() => {
        using copy = MmapRegion.fromEnv();
        using own = MmapRegion.attach(copy.handle(), { access: "copy-on-write" });
        own.bytes.fill(0);
      }),
    };
  },

  /** Opens under a limit. @returns what that gave and left */
  open(path: string, limit: Limit | null, options: OpenRegionOptions): unknown {
    MmapRegion.anonymous(1).close(); // loads libc
    setOwn(limit);
    const result = failureOf(() => MmapRegion.open(path, options).close(), WHOLE) ?? "opened";
    return { result, left: [...descriptorsOf(path), ...mapsOf(path)] };
  },

  /** Resizes under a limit. @returns what that gave, and what the region is then */
  resize(path: string, source: Source, limit: Limit, byteLength: number): unknown {
    const { size } = Deno.statSync(path);
    using region = "allocate" in source
      ? MmapRegion.open(path, { access: "read-write", allocate: source.allocate })
      : MmapRegion.anonymous(size, source);
    region.bytes[0] = 200;
    setOwn(limit);
    const error = failureOf(() => region.resize(byteLength), WHOLE);
    region.bytes[1] = 201;
    const { bytes } = region;
    const content = [...bytes.subarray(0, 4), bytes.at(-1)];
    return { error, byteLength: region.byteLength, content, size: Deno.statSync(path).size };
  },

  /** Opens as nobody with each of the options. */
  openAsNobody(path: string, list: OpenRegionOptions[], denied: number): unknown {
    MmapRegion.anonymous(1).close(); // loads libc
    if (Deno.build.os === "windows") denyRights(denied);
    else dropPrivileges();
    const results = list.map((options) => {
      let first;
      const failure = failureOf(() => {
        using region = MmapRegion.open(path, options);
        first = region.bytes[0];
      }, WHOLE);
      return failure ?? first;
    });
    return { results, left: [...descriptorsOf(path), ...mapsOf(path)] };
  },

  attachAsNobody(...handles: string[]): unknown {
    MmapRegion.anonymous(1).close();
    dropPrivileges();
    return handles.map((handle) => failureOf(() => MmapRegion.attach(handle).close(), BRIEF));
  },

  /** Prints a handle, and for each line that comes the second byte of its memory. */
  async lend(): Promise<void> {
    using region = MmapRegion.anonymous(100, { label: "mmap-attach-child" });
    region.bytes[0] = 31;
    console.log(JSON.stringify(region.handle()));
    for await (const _ of Deno.stdin.readable) console.log(region.bytes[1]);
  },

  /** Prints a handle; with the next line closes its descriptor, with another one uses it again. */
  async closeAndReuse(): Promise<void> {
    // The runtime opens descriptors of its own, and the system gives the lowest that is free: with
    // free ones below it, that of the region stays closed until this program wants it.
    const below = Array.from({ length: 32 }, () => MmapRegion.anonymous(100));
    const first = MmapRegion.anonymous(100);
    for (const region of below) region.close();
    const handle = first.handle();
    console.log(JSON.stringify(handle));
    const lines = Deno.stdin.readable[Symbol.asyncIterator]();
    await lines.next();
    first.close();
    console.log("closed");
    await lines.next();
    const secrets: MmapRegion[] = []; // until one has the descriptor of the first
    do secrets.push(MmapRegion.anonymous(100)); while (secrets.at(-1)!.handle().fd !== handle.fd);
    console.log("reused");
    await lines.next();
  },

  /** Writes two bytes, and lets a child of its own write two more. */
  async writeWithChild(handle: string): Promise<unknown> {
    using region = MmapRegion.attach(handle);
    region.bytes.set([1, 2]);
    return await resultOf(new URL(import.meta.url), {
      args: ["writeAsChild"],
      env: region.env(),
    });
  },

  writeAsChild(): number {
    using region = MmapRegion.fromEnv();
    region.bytes.set([3, 4], 2);
    return Deno.pid;
  },

  listDescriptors: () => openDescriptors(),

  fromClosedFd(): unknown {
    const fd = open("/dev/zero", O_RDONLY);
    close(fd);
    const call = (): MmapRegion => MmapRegion.fromFd(fd, { byteLength: 10 });
    return failureOf(call, ["code", "errno", "syscall"]);
  },

  fromStdin: () =>
    failureOf(() => MmapRegion.fromFd(0, { byteLength: 10 }), ["code", "syscall"])?.join(" "),

  /** Reads lines and chunks of regions that shrink meanwhile. */
  async readShrinking(): Promise<unknown> {
    const read: unknown[] = [];
    for (const reserve of [true, 2 ** 25]) {
      using region = MmapRegion.anonymous(2 ** 24, { resizable: true, reserve });
      region.bytes.fill(97);
      region.bytes[10] = 10;
      const lines = region.lines()[Symbol.iterator]();
      const chunks = region.readable({ chunkByteLength: 4 }).getReader();
      read.push(lines.next().value!.length, (await chunks.read()).value!.length);
      region.resize(15);
      read.push(lines.next().value!.length, lines.next().done);
      for (let chunk; !(chunk = await chunks.read()).done;) read.push(chunk.value.length);
    }
    return read;
  },

  useEnvironment(): unknown {
    using first = MmapRegion.fromEnv();
    using second = MmapRegion.fromEnv("SECOND");
    first.bytes[0] = 11;
    second.bytes[1] = first.bytes[0]! + 1;
    return ["THIRD", "MISSING"].map((name) => {
      const failure = failureOf(() => MmapRegion.fromEnv(name).close(), ["name", "message"])!;
      return [failure[0], (failure[1] as string).includes("MISSING")];
    });
  },

  /** The first byte of a file. */
  readFirst(path: string): unknown {
    using region = MmapRegion.open(path);
    return region.bytes[0];
  },

  writeByte(path: string, at: number, byte: number): number {
    using region = MmapRegion.open(path, { access: "read-write" });
    region.bytes[at] = byte;
    return 1;
  },

  writeThird(): unknown {
    using region = MmapRegion.fromEnv();
    region.bytes[2] = 3;
    return [...region.bytes.subarray(0, 3)];
  },
});
