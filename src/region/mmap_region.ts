/** `MmapRegion`: an object and a mapping of it, put together for people. */

import { getenv } from "../../ffi/environment.ts";
import { statusOf } from "../../ffi/status.ts";
import { type GuardState, guardState, processTable } from "../../ffi/guard/guard.ts";
import { type LendingState, lendingState } from "../../ffi/store/store.ts";
import { heldCount } from "../mapping/held.ts";
import { wholeNumber } from "../mapping/pages.ts";
import {
  formatHandle,
  makeHandle,
  parseHandle,
  pathOfDescriptor,
  type RegionHandle,
} from "../object/handle.ts";
import { pathOf } from "../object/path.ts";
import type { RegionCore } from "./core.ts";
import { anonymousRegion, attachRegion, openRegion, regionFromFd } from "./make.ts";
import { coreOf } from "./mapped_bytes.ts";
import { MappedMemory } from "./mapped_memory.ts";
import { listNamed, reapNamed, type SharedMemoryInfo } from "../object/list.ts";
import { nameOf, unlinkNamed } from "../object/shared_memory.ts";
import { namedRegion } from "./make_named.ts";
import type { AnonymousOptions, MapOptions, NamedOptions, OpenRegionOptions } from "./options.ts";
import { planAnonymous, planAttach, planMap, planNamed, planOpen } from "./plan.ts";
import { wasmMemoryOf } from "./shared_buffer.ts";
import { refreshRegion, resizeRegion } from "./resize.ts";

/** The environment variable of `env` and `fromEnv` if none is named. */
const DEFAULT_VARIABLE = "MMAP_REGION";

/** Makes a region of a core, for the other files of this folder. */
export let regionOver: (core: RegionCore) => MmapRegion;

/**
 * A mapped file or mapped memory, as `mmap` makes it, with a lifetime.
 *
 * Its bytes are the file's, or memory that several processes share: nothing is copied. Views are
 * plain typed arrays at their plain speed; they die with the region, so none can outlive the memory
 * that it points at.
 *
 * Close regions (`using` does): one that was forgotten gives its memory and its descriptor back only
 * once nothing uses its memory any more, and that was noticed.
 *
 * Requires `--allow-ffi`, and nothing else.
 *
 * @see https://man7.org/linux/man-pages/man2/mmap.2.html
 *
 * @example Changing a file in place
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "hello, world");
 * {
 *   using region = MmapRegion.open(path, { access: "read-write" });
 *   region.bytes.set(new TextEncoder().encode("HELLO"));
 * }
 * assertEquals(await Deno.readTextFile(path), "HELLO, world");
 * await Deno.remove(path);
 * ```
 *
 * @example Sharing memory with a child process
 * ```ts ignore
 * using region = MmapRegion.anonymous(4096);
 * await new Deno.Command(Deno.execPath(), {
 *   args: ["run", "--allow-ffi", "child.ts"], // using region = MmapRegion.fromEnv();
 *   env: region.env(),
 * }).output();
 * ```
 */
export class MmapRegion extends MappedMemory {
  static {
    regionOver = (core) => new MmapRegion(core);
  }

  /** @throws {TypeError} Always, for others than the static methods of this class. */
  private constructor(core: RegionCore) {
    super(core);
  }

  /**
   * Maps a file.
   *
   * @param path a path or a file URL; the device /dev/zero too, which gives anonymous memory
   * @param options by default the whole file, read-only
   * @throws {RangeError} If the file is empty or too short, or a number is out of range.
   * @throws {TypeError} If an option is of another type, or does not go with another one.
   * @throws {Deno.errors.NotCapable} If the program runs without `--allow-ffi`, or with
   * `--deny-read` or `--deny-write` for the file.
   * @throws {Deno.errors.NotFound} ENOENT: no such file or directory.
   * @throws {Deno.errors.PermissionDenied} EACCES: no right to the file, or to the access asked for.
   * @throws {Deno.errors.AlreadyExists} EEXIST: `createNew`, and it exists.
   * @throws {Deno.errors.IsADirectory} EISDIR: a directory with write access.
   * @throws {Deno.errors.NotSupported} If `truncate` is given for what is no regular file.
   * @throws {Error} ENODEV: not a file that can be mapped. ENOMEM: no address space left. ENOSPC: no
   * room to extend the file; it then has its old size. EFBIG: longer than a file may be, or than
   * RLIMIT_FSIZE allows. EMFILE, and what else `open` and `mmap` say.
   */
  static open(path: string | URL, options: OpenRegionOptions = {}): MmapRegion {
    return new MmapRegion(openRegion(pathOf(path), planOpen(options)));
  }

  /**
   * Maps what a descriptor leads to. The region duplicates it; closing it stays the caller's part.
   *
   * @param fd an open descriptor, such as `openSync` of `node:fs` returns
   * @throws {RangeError} If the file is empty or too short, or a number is out of range.
   * @throws {Deno.errors.PermissionDenied} EACCES: the descriptor lacks the right asked for.
   * @throws {Deno.errors.NotSupported} If it is of `memfd_secret`.
   * @throws {Error} EBADF: it is not open. ENODEV: not a file that can be mapped.
   */
  static fromFd(fd: number, options: MapOptions = {}): MmapRegion {
    const checked = wholeNumber(fd, "fd", "map descriptor");
    return new MmapRegion(regionFromFd(checked, planMap(options, "map descriptor")));
  }

  /**
   * Zero-filled memory without a name. By default other processes can be given it.
   *
   * @param byteLength its size, in bytes
   * @throws {RangeError} If `byteLength` is no whole number of at least 1.
   * @throws {TypeError} If an option is of another type.
   * @throws {Error} ENOMEM: no address space left. EMFILE: no descriptor left.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using scratch = MmapRegion.anonymous(1 << 20, { sharing: "private" });
   * const numbers = scratch.view(Float64Array);
   * numbers[0] = 1.5;
   * assertEquals(numbers.length, 131_072);
   * ```
   */
  static anonymous(byteLength: number, options: AnonymousOptions = {}): MmapRegion {
    return new MmapRegion(anonymousRegion(planAnonymous(byteLength, options)));
  }

  /**
   * POSIX shared memory: memory that any process finds by its name.
   *
   * Whoever makes an object owns it: the name goes when the region is closed. One whose owner was
   * killed stays, until {@linkcode MmapRegion.reap}. Nobody sees an object that has no size yet.
   *
   * Its memory is reserved, by whoever makes it or first opens it to write; `reserve: false` leaves
   * that to the first write to each page, which in a full /dev/shm is a fault.
   *
   * @param name with or without a leading "/"; at most 255 bytes (30 on macOS)
   * @param options by default an object that is there, read-write
   * @throws {TypeError} If it is no name, or an option is of another type.
   * @throws {RangeError} If the name is too long, the object too short, or a `byteLength` is missing.
   * @throws {Deno.errors.NotFound} ENOENT: there is no such object.
   * @throws {Deno.errors.AlreadyExists} EEXIST: `createNew`, and there is one.
   * @throws {Deno.errors.PermissionDenied} EACCES: no right to it.
   * @throws {Error} ENOSPC: there is not so much memory left.
   * @see https://man7.org/linux/man-pages/man7/shm_overview.7.html
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * const name = `example-${crypto.randomUUID()}`;
   * using owner = MmapRegion.named(name, { createNew: true, byteLength: 4096 });
   * using other = MmapRegion.named(name); // in any process
   * owner.bytes[0] = 7;
   * assertEquals(other.bytes[0], 7);
   * ```
   */
  static named(name: string, options: NamedOptions = {}): MmapRegion {
    return new MmapRegion(namedRegion(nameOf(name), planNamed(options)));
  }

  /**
   * Removes the name of a shared memory object. Regions that map it keep it.
   *
   * @throws {Deno.errors.NotFound} ENOENT: there is no such object.
   * @throws {Deno.errors.PermissionDenied} EACCES: no right to remove it.
   */
  static unlink(name: string): void {
    unlinkNamed(nameOf(name));
  }

  /**
   * All named shared memory objects of the system, of other programs too, in the order of their
   * names. Linux only.
   */
  static list(): SharedMemoryInfo[] {
    return listNamed();
  }

  /**
   * Removes the objects that this module made and whose owners are all dead, and no others. A
   * process counts as alive only if it is the very one, by number, start time and boot. Linux only.
   *
   * @returns the names that were removed
   */
  static reap(): string[] {
    return reapNamed();
  }

  /**
   * Maps the object of another region: of another process, of a Worker, or of this program.
   *
   * Its device, inode and time of birth are compared with those in the handle, so that a descriptor
   * or a path that by now leads elsewhere is an error and never somebody else's memory.
   *
   * @param handle of `region.handle()`, or its string form
   * @param options `access` is the handle's by default, and at most that; `byteOffset` and
   * `byteLength` count within the other region
   * @throws {TypeError} If the handle is malformed.
   * @throws {RangeError} If the object has become shorter, or the range lies outside of the region.
   * @throws {Deno.errors.NotFound} If the object is gone.
   * @throws {Deno.errors.NotSupported} If it has no path, and its owner is in another PID namespace.
   * @throws {Deno.errors.PermissionDenied} If the handle does not grant that access, or EACCES: this
   * user has no right to the object.
   */
  static attach(handle: RegionHandle | string, options: MapOptions = {}): MmapRegion {
    const parsed = parseHandle(handle);
    return new MmapRegion(attachRegion(parsed, planAttach(options, parsed.access)));
  }

  /**
   * Attaches to the region that a parent process put into the environment by `env`.
   *
   * @param variable the name of the variable, default "MMAP_REGION"
   * @throws {Deno.errors.NotFound} If there is no such variable, or as {@linkcode attach} throws.
   */
  static fromEnv(variable: string = DEFAULT_VARIABLE): MmapRegion {
    const handle = getenv(variable);
    if (handle !== undefined) return MmapRegion.attach(handle);
    throw new Deno.errors.NotFound(
      `Cannot attach to region: the environment variable "${variable}" is not set`,
    );
  }

  /**
   * How many closed or moved ranges of memory wait for an operation of Deno that still uses them: a
   * write to a slow socket, a streamed response, a read. Each is given back when its last such
   * operation has ended. Of this isolate; regions that nobody closed are not counted.
   */
  static get held(): number {
    return heldCount();
  }

  /**
   * How often native code, which had kept a bare address, came to memory that was closed before. It
   * met zeros: no other mapping is given such an address. Of the process.
   */
  static get lateAccesses(): number {
    return processTable()?.lateAccesses ?? 0;
  }

  /**
   * Whether operations of Deno keep the memory that they use beyond `close` and `resize`: "on"; "off"
   * until the first buffer or view is asked for; "unavailable" without /proc, where Node's part of
   * Deno cannot be loaded, and on macOS. Without it, such operations meet zeros, or fail.
   */
  static lendingState(): LendingState {
    return lendingState();
  }

  /**
   * Whether faults are absorbed: "on"; "off" until there is a region; "unavailable" where the system
   * forbids executable memory, or on macOS.
   *
   * The guard is a signal handler. Where a page has lost its file (someone truncated it), reads give
   * zeros and writes go to a private page; a write to a read-only page goes to a private copy of it.
   * Without the guard, both end the process.
   */
  static guardState(): GuardState {
    return guardState();
  }

  /** What the region is a mapping of. */
  get kind(): RegionHandle["kind"] {
    return coreOf(this).facts.kind;
  }

  /** The name of shared memory, without the leading "/"; "" if the region has none. */
  get name(): string {
    return coreOf(this).facts.name;
  }

  /** Where in its object the region begins, in bytes. */
  get byteOffset(): number {
    return coreOf(this).facts.byteOffset;
  }

  /**
   * Gives the region another length. Old views are detached, also those of `buffer`; an operation of
   * Deno that still uses the old memory goes on with it.
   *
   * A file or shared memory grows with the region; it shrinks with it if the region reached to its
   * end. A region that cannot write to its object only follows it.
   *
   * @param byteLength the new length, in bytes
   * @throws {RangeError} If it is no whole number of at least 1, or reaches beyond an object that
   * the region cannot extend.
   * @throws {TypeError} If the buffer was transferred away.
   * @throws {Deno.errors.PermissionDenied} EPERM: the object is sealed against it.
   * @throws {Deno.errors.NotSupported} If it is a mapping of a device.
   * @throws {Deno.errors.Busy} If a `flush`, a `populate` or an awaited wait for a word of the region is
   * under way, unless the region grows within its `reserve`.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} ENOSPC: no room to extend the file. ENOMEM: no address space left.
   */
  resize(byteLength: number): void {
    const wanted = wholeNumber(byteLength, "byteLength", "resize region", 1);
    const core = coreOf(this);
    core.live("resize region");
    wholeNumber(core.facts.byteOffset + wanted, "the region's end", "resize region");
    resizeRegion(core, wanted);
  }

  /**
   * Maps the size that the object has now: after another process has resized it. Old views are
   * detached, unless the size is the same or addresses were held by `reserve`.
   *
   * @throws {RangeError} If the object ends before the region begins.
   * @throws {Deno.errors.Busy} If a `flush`, a `populate` or an awaited wait for a word of the region is
   * under way, unless the region grows within its `reserve`.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  refresh(): void {
    refreshRegion(coreOf(this));
  }

  /**
   * What another process needs to attach to this region, as plain JSON. It holds as long as this
   * region is open; for a file, as long as the file is there.
   *
   * @throws {Deno.errors.NotSupported} If it is private memory, which no other process can reach, or
   * a device such as /dev/zero.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  handle(): RegionHandle {
    const core = coreOf(this);
    core.live("make handle");
    const { kind, fd, byteOffset, grant, name } = core.facts;
    if (fd === -1) {
      throw new Deno.errors.NotSupported(
        `Cannot make handle: private memory cannot be reached by others; use sharing "shared"`,
      );
    }
    if (statusOf(fd).type !== "file") {
      throw new Deno.errors.NotSupported(
        `Cannot make handle: it is a mapping of a device, and another one of it is other memory`,
      );
    }
    const path = kind === "file" ? pathOfDescriptor(fd) : name;
    return makeHandle({ kind, access: grant, byteOffset, byteLength: this.byteLength }, fd, path);
  }

  /**
   * The handle as an environment for `Deno.Command`; the child attaches by {@linkcode fromEnv}.
   *
   * @param variable the name of the variable, default "MMAP_REGION"
   * @throws as {@linkcode handle}
   */
  env(variable: string = DEFAULT_VARIABLE): Record<string, string> {
    return { [variable]: formatHandle(this.handle()) };
  }

  /**
   * A SharedArrayBuffer over the region: it can be posted to Workers without copying, and
   * `Atomics.wait` works on it within this process. It is the buffer of {@linkcode wasmMemory}.
   *
   * Its length is the region's, rounded up to 64 KiB; the bytes behind the region's last page are
   * private zeros. After `close` all of it reads as zeros and reaches the object no more.
   *
   * @throws {Deno.errors.NotSupported} If the region is private, or of a character device such as
   * /dev/zero.
   * @throws {Deno.errors.PermissionDenied} EPERM: another process has sealed its memory against
   * further writable mappings.
   * @throws {RangeError} If its `byteOffset` is no multiple of the page size, or it is larger than
   * 16 GiB.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  sharedBuffer(): SharedArrayBuffer {
    return wasmMemoryOf(coreOf(this)).buffer as unknown as SharedArrayBuffer;
  }

  /**
   * A shared WebAssembly memory over the region, so that WebAssembly code works on it in place: to be
   * imported as `(memory N N shared)` with N pages of 64 KiB; beyond 4 GiB with 64-bit addresses.
   *
   * @throws as {@linkcode sharedBuffer}
   */
  wasmMemory(): WebAssembly.Memory {
    return wasmMemoryOf(coreOf(this));
  }

  /**
   * Options for a command whose process may attach to this region by {@linkcode fromEnv}: the given
   * ones, with the handle in `env`. The descriptor itself stays closed to all children.
   *
   * @param options of `Deno.Command`
   * @param variable the name of the variable, default "MMAP_REGION"
   * @throws as {@linkcode handle}
   */
  shareWith<T extends Deno.CommandOptions>(
    options: T,
    variable: string = DEFAULT_VARIABLE,
  ): T & { env: Record<string, string> } {
    return { ...options, env: { ...options.env, ...this.env(variable) } };
  }

  /** What `Deno.inspect` and `console.log` show. */
  [Symbol.for("Deno.customInspect")](
    inspect: typeof Deno.inspect,
    options: Deno.InspectOptions,
  ): string {
    const { kind, access, sharing, byteLength, closed } = this;
    return `MmapRegion ${inspect({ kind, access, sharing, byteLength, closed }, options)}`;
  }
}
