/** `MmapRegion`: the public class over an object and its mapping. */

import { guardState, processTable } from "../../ffi/guard/guard.ts";
import { lendingState } from "../../ffi/store/store.ts";
import { heldCount } from "../mapping/owned.ts";
import type { Needle } from "../mapping/search/needle.ts";
import { wholeNumber } from "../check/numbers.ts";
import type { ByteRange } from "../check/range.ts";
import { type Residency, statsOf } from "../mapping/page_state.ts";
import type { TypedArrayConstructor } from "../mapping/views.ts";
import type { Access, RegionHandle } from "../object/handle.ts";
import { pathOf } from "../object/path.ts";
import { listNamed, nameOf, reapNamed, unlinkNamed } from "../object/shared_memory.ts";
import type { Advice, Protection, RegionStats, SharedMemoryInfo } from "../os/system.ts";
import * as bytes from "./bytes.ts";
import type { ReadableOptions } from "./bytes.ts";
import { RegionBacking } from "./backing.ts";
import { type LineIterator, linesOf, type LinesOptions } from "./lines.ts";
import { anonymousRegion, openRegion, regionFromFd } from "./make.ts";
import { namedRegion } from "./make_named.ts";
import * as memory from "./memory.ts";
import type { FlushOptions } from "./memory.ts";
import type { AnonymousOptions, MapOptions, NamedOptions, OpenRegionOptions } from "./options.ts";
import { planAnonymous, planMap, planNamed, planOpen } from "./plan.ts";
import { refreshRegion, resizeRegion } from "./resize.ts";
import * as search from "./search.ts";
import {
  attachTo,
  DEFAULT_VARIABLE,
  environmentOf,
  handleFrom,
  handleOf,
  handleOrNull,
} from "./share.ts";
import { wasmMemoryOf } from "./shared_buffer.ts";

const FROM_FD = "map descriptor";

/** What is behind a region, for the rest of this module; users cannot reach it. */
export let backingOf: (region: MmapRegion) => RegionBacking;

/** Makes a region of a backing, for the other files of this folder. */
export let regionOver: (backing: RegionBacking) => MmapRegion;

/**
 * A mapped file or mapped memory, as `mmap` makes it, with a lifetime.
 *
 * Its bytes are the file's, or memory that several processes share: nothing is copied. Views are
 * plain typed arrays at their plain speed; they die with the region, so none can outlive the memory
 * that it points at. Searches and streams have no limit of 2 or 4 GiB. If another process writes
 * meanwhile, they may see some of it. If the file becomes shorter, they see zeros, and
 * {@linkcode MmapRegion.check} tells.
 *
 * Offsets and ranges are in bytes and count from the beginning of the region. After `close`, every
 * member but the plain facts (`kind`, `name`, `access`, `sharing`, `byteOffset`, `byteLength`,
 * `closed`, `faults`) and `toJSON` throws `Deno.errors.BadResource`. An unknown option is a
 * `TypeError` that names it.
 *
 * Close regions (`using` does): a forgotten region gives back its memory and its descriptor only
 * after nothing uses its memory any more and garbage collection has noticed that.
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
export class MmapRegion implements Disposable {
  readonly #backing: RegionBacking;

  static {
    backingOf = (region) => region.#backing;
    regionOver = (backing) => new MmapRegion(backing);
  }

  /**
   * @ignore
   * @throws {TypeError} Always, except for the static methods of this class.
   */
  private constructor(backing: RegionBacking) {
    if (!(backing instanceof RegionBacking)) {
      throw new TypeError(
        "Illegal constructor: use MmapRegion.open, anonymous, named, attach or fromEnv",
      );
    }
    this.#backing = backing;
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
   * @throws {Deno.errors.NotSupported} If `truncate` is given for anything but a regular file.
   * @throws {Error} ENODEV: not a file that can be mapped. ENOMEM: no address space left. ENOSPC:
   * no room to extend the file; it then has its old size. EFBIG: longer than a file may be, or than
   * RLIMIT_FSIZE allows. EMFILE, and the other errors of `open` and `mmap`.
   */
  static open(path: string | URL, options: OpenRegionOptions = {}): MmapRegion {
    return new MmapRegion(openRegion(pathOf(path), planOpen(options)));
  }

  /**
   * Maps what a descriptor leads to. The region duplicates it; the caller still has to close its
   * own.
   *
   * @param fd an open descriptor, such as `openSync` of `node:fs` returns
   * @throws {RangeError} If the file is empty or too short, or a number is out of range.
   * @throws {Deno.errors.PermissionDenied} EACCES: the descriptor lacks the right asked for.
   * @throws {Deno.errors.NotSupported} If it is of `memfd_secret`. Windows: always, since a number of
   * `node:fs` is Deno's own there, and may be that of the HANDLE of another file.
   * @throws {Error} EBADF: it is not open. ENODEV: not a file that can be mapped.
   */
  static fromFd(fd: number, options: MapOptions = {}): MmapRegion {
    const descriptor = wholeNumber(fd, "fd", FROM_FD);
    return new MmapRegion(regionFromFd(descriptor, planMap(options, FROM_FD, "read")));
  }

  /**
   * Zero-filled memory without a name. By default it can be shared with other processes.
   *
   * @param byteLength its size, in bytes
   * @throws {RangeError} If `byteLength` is not a whole number of at least 1.
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
   * Whoever creates an object owns it: the name is removed when the region is closed. If the owner
   * was killed, the object stays until {@linkcode MmapRegion.reap}. Nobody sees an object that has
   * no size yet.
   *
   * Its memory is reserved when it is created or first opened for writing. With `reserve: false`,
   * memory is taken at the first write to each page, which in a full /dev/shm is a fault.
   *
   * @param name with or without a leading "/"; at most 255 bytes (30 on macOS)
   * @param options by default an existing object, read-write
   * @throws {TypeError} If it is not a valid name, or an option is of another type.
   * @throws {RangeError} If the name is too long, the object too short, or a `byteLength` is missing.
   * @throws {Deno.errors.NotFound} ENOENT: there is no such object.
   * @throws {Deno.errors.AlreadyExists} EEXIST: `createNew`, and the object exists.
   * @throws {Deno.errors.PermissionDenied} EACCES: no right to it.
   * @throws {Error} ENOSPC: not enough memory is left.
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
   * Removes the objects that this module created and whose owners are all dead, and no others. A
   * process counts as the owner only if its number, start time and boot match. Linux only.
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
   * or a path that leads elsewhere now is an error, and never gives other memory.
   *
   * @param handle of `region.handle()`, or its string form
   * @param options `access` is the handle's by default, and cannot exceed it; `byteOffset` and
   * `byteLength` count within the other region
   * @throws {TypeError} If the handle is malformed.
   * @throws {RangeError} If the object has become shorter, or the range lies outside of the region.
   * @throws {Deno.errors.NotFound} If the object is gone.
   * @throws {Deno.errors.NotSupported} If it has no path, and its owner is in another PID namespace.
   * @throws {Deno.errors.PermissionDenied} If the handle does not grant that access, or EACCES: this
   * user has no right to the object.
   */
  static attach(handle: RegionHandle | string, options: MapOptions = {}): MmapRegion {
    return new MmapRegion(attachTo(handle, options));
  }

  /**
   * Attaches to the region that a parent process put into the environment by `env`.
   *
   * @param variable the name of the variable, default "MMAP_REGION"
   * @throws {Deno.errors.NotFound} If the variable is not set, or as {@linkcode attach} throws.
   */
  static fromEnv(variable: string = DEFAULT_VARIABLE): MmapRegion {
    return MmapRegion.attach(handleFrom(variable));
  }

  /**
   * How many closed or moved ranges of memory wait for an operation of Deno that still uses them: a
   * write to a slow socket, a streamed response, a read. Each is given back when its last such
   * operation has ended. This counts those of this isolate, without regions that nobody closed.
   */
  static get held(): number {
    return heldCount();
  }

  /**
   * How often native code with a stale address has accessed memory after it was closed. It met
   * zeros: no other mapping gets such an address. This counts for the whole process.
   */
  static get lateAccesses(): number {
    return processTable()?.lateAccesses ?? 0;
  }

  /**
   * Whether operations of Deno keep the memory that they use beyond `close` and `resize`: "on";
   * "off" until the first buffer or view is asked for; "unavailable" on macOS, and without /proc,
   * where Node's part of Deno cannot be loaded. Without it, such operations meet zeros, or fail.
   */
  static lendingState(): "on" | "off" | "unavailable" {
    return lendingState();
  }

  /**
   * Whether faults are absorbed: "on"; "off" until there is a region; "unavailable" where the system
   * forbids executable memory.
   *
   * The guard is a signal handler. If a page has lost its file (somebody truncated it), reads give
   * zeros and writes go to a private page. A write to a read-only page goes to a private copy of
   * it. Without the guard, both end the process.
   */
  static guardState(): "on" | "off" | "unavailable" {
    return guardState();
  }

  /** The backing, for every method but those that tell of stray writes themselves. */
  get #used(): RegionBacking {
    return this.#backing.used();
  }

  /** What the region is a mapping of. */
  get kind(): RegionHandle["kind"] {
    return this.#backing.attributes.kind;
  }

  /** The name of shared memory, without the leading "/"; "" if the region has none. */
  get name(): string {
    return this.#backing.attributes.name;
  }

  /** The offset in the object where the region begins, in bytes. */
  get byteOffset(): number {
    return this.#backing.attributes.byteOffset;
  }

  /** The access that the region allows. */
  get access(): Access {
    return this.#backing.attributes.access;
  }

  /** Whether writes reach everybody who maps the object (`MAP_SHARED`), or nobody else. */
  get sharing(): "shared" | "private" {
    return this.#backing.attributes.sharing;
  }

  /** The length of the region, in bytes; 0 once it is closed. */
  get byteLength(): number {
    return this.#backing.byteLength;
  }

  /** Whether the region was closed. */
  get closed(): boolean {
    return this.#backing.closed;
  }

  /**
   * The one buffer of the mapping. It begins at a page boundary. If the region's `byteOffset` is
   * not a multiple of the page size, that is some bytes before the region; see `bytes.byteOffset`.
   *
   * It is detached when the region is closed or resized.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get buffer(): ArrayBuffer {
    return this.#backing.live("view region").buffer;
  }

  /**
   * The whole region; the same object at each call until the region is resized.
   *
   * @throws {TypeError} If the buffer was transferred away.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#backing.bytes();
  }

  /**
   * A typed array over a part of the region.
   *
   * @param type the constructor, such as `Float64Array`
   * @param byteOffset where it begins, default 0
   * @param length in elements, by default as many as fit
   * @throws {RangeError} If it reaches beyond the region, or begins at an address that the element
   * size does not divide.
   * @throws {TypeError} If `type` is not a typed array's constructor, or the buffer was transferred
   * away.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  view<T>(type: TypedArrayConstructor<T>, byteOffset?: number, length?: number): T {
    return bytes.typedView(this.#used, type, byteOffset, length);
  }

  /**
   * A DataView over a part of the region: any offset, either byte order.
   *
   * @param byteOffset where it begins, default 0
   * @param byteLength by default to the end of the region
   * @throws {RangeError} If it reaches beyond the region.
   * @throws {TypeError} If the buffer was transferred away.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  dataView(byteOffset?: number, byteLength?: number): DataView<ArrayBuffer> {
    return bytes.dataView(this.#used, byteOffset, byteLength);
  }

  /**
   * Copies out of the region without ever faulting (`process_vm_readv`).
   *
   * @param target where to copy to; its length is how much to copy
   * @param byteOffset where in the region to begin
   * @returns how many bytes were copied: fewer than asked for at the end of the region, or at a page
   * that is not there
   * @throws {TypeError} If `target` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` lies beyond the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  tryRead(target: Uint8Array, byteOffset: number): number {
    return bytes.tryRead(this.#used, target, byteOffset);
  }

  /**
   * Copies into the region without ever faulting (`process_vm_writev`).
   *
   * @param source what to copy
   * @param byteOffset where in the region to begin
   * @returns how many bytes were copied: fewer than asked for at the end of the region, or at a page
   * that is not there or cannot be written to
   * @throws {TypeError} If `source` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` lies beyond the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  tryWrite(source: Uint8Array, byteOffset: number): number {
    return bytes.tryWrite(this.#used, source, byteOffset);
  }

  /**
   * The bytes as a stream of copies.
   *
   * @param options by default the whole region, in chunks of 64 KiB
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed; the stream fails in the same way if
   * the region is closed before its end.
   */
  readable(options?: ReadableOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    return bytes.readable(this.#used, options);
  }

  /**
   * The first occurrence of a byte, bytes or text: nearly as fast as memory can be read if the needle
   * has two bytes that are rarely found at their distance in the region, and linear in any case.
   * Where the processor has no AVX2 or NEON, or executable memory is forbidden, it takes a byte that is
   * rare; so it does on Windows.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(4096);
   * region.bytes.set(new TextEncoder().encode("one ∑ two ∑"));
   * assertEquals(region.indexOf("∑"), 4);
   * assertEquals(region.indexOf("∑", 5), 12);
   * ```
   *
   * @param needle a byte as a number, bytes, or text, which is taken as UTF-8 (a lone surrogate as
   * U+FFFD); an empty one is found at `from`
   * @param from where to begin, default 0; a negative one counts from the end
   * @returns where it begins, counted from the beginning of the region; -1 if it is not there
   * @throws {TypeError} If an argument is of another type.
   * @throws {RangeError} If a number is not a byte, or `from` is not a whole number.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  indexOf(needle: Needle, from?: number): number {
    return search.indexOf(this.#used, needle, from);
  }

  /**
   * The last occurrence of a byte, bytes or text that begins at `from` or before.
   *
   * @param needle as in {@linkcode indexOf}
   * @param from the last position where it may begin, by default anywhere; a negative one counts
   * from the end
   * @returns where it begins, counted from the beginning of the region; -1 if it is not there
   * @throws as {@linkcode indexOf}
   */
  lastIndexOf(needle: Needle, from?: number): number {
    return search.lastIndexOf(this.#used, needle, from);
  }

  /**
   * How many times a byte, bytes or text occurs in the region. Matches do not overlap: the search
   * continues after each of them, so that "aaaaa" contains "aa" twice. An empty needle is found
   * before each byte and at the end.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(4096);
   * region.bytes.set(new TextEncoder().encode("GET /\nGET /a\nPUT /a\n"));
   * assertEquals(region.count("\n"), 3);
   * assertEquals(region.count("GET", { byteOffset: 1 }), 1);
   * ```
   *
   * @param needle as in {@linkcode indexOf}
   * @param range what is searched, by default the whole region; no match reaches beyond it
   * @throws {TypeError} If an argument is of another type.
   * @throws {RangeError} If a number is not a byte, or the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  count(needle: Needle, range?: ByteRange): number {
    return search.count(this.#used, needle, range);
  }

  /**
   * Whether the region holds the same bytes as `other`, from `byteOffset` on (`memcmp`).
   *
   * @param other what to compare with; its length says how much
   * @param byteOffset where in the region to begin, default 0
   * @returns false also if the region ends before `other` does
   * @throws {TypeError} If `other` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` is not a whole number of at least 0.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  equals(other: Uint8Array, byteOffset?: number): boolean {
    return search.equals(this.#used, other, byteOffset);
  }

  /**
   * Compares the region's bytes from `byteOffset` on with those of `other`, up to the length of
   * `other` (`memcmp`). The first byte that differs decides. If the region ends before `other`
   * does, and all bytes up to there are equal, the region comes first.
   *
   * @param other what to compare with; its length says how much
   * @param byteOffset where in the region to begin, default 0
   * @returns -1 if the region's bytes come first, 1 if those of `other` do, 0 if they are the same:
   * exactly when {@linkcode equals} is true
   * @throws as {@linkcode equals}
   */
  compare(other: Uint8Array, byteOffset?: number): -1 | 0 | 1 {
    return search.compare(this.#used, other, byteOffset);
  }

  /**
   * The lines of a text, one after the other. They end at \n or \r\n, which they do not contain; a
   * final line end begins no empty line. At most 16 KiB are decoded ahead, or one longer line: what
   * is written there meanwhile may go unnoticed.
   *
   * Text is UTF-8. Invalid sequences give U+FFFD, as with `TextDecoder`, and a byte order mark is
   * kept as U+FEFF.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(15);
   * region.bytes.set(new TextEncoder().encode("one\r\ntwo\nthree\n"));
   * assertEquals([...region.lines()], ["one", "two", "three"]);
   * assertEquals(region.lines({ reverse: true }).next().value, "three");
   * ```
   *
   * @param options by default the whole region, forwards; with `as: "bytes"` each line is a view of
   * the region, nothing is copied or read ahead, and every byte stays as it is
   * @throws {TypeError} If an option is of another type.
   * @throws {RangeError} If the range lies outside of the region; while iterating, if one line is
   * longer than a string can be (half a GiB).
   * @throws {Deno.errors.BadResource} If the region is closed, also in the middle.
   */
  lines(options: LinesOptions & { as: "bytes" }): LineIterator<Uint8Array<ArrayBuffer>>;
  /** As text. */
  lines(options?: LinesOptions & { as?: "text" }): LineIterator<string>;
  /** In either form. */
  lines(options?: LinesOptions): LineIterator<string> | LineIterator<Uint8Array<ArrayBuffer>>;
  lines(
    options?: LinesOptions,
  ): LineIterator<string> | LineIterator<Uint8Array<ArrayBuffer>> {
    return linesOf(this.#used, options);
  }

  /**
   * Cuts the region into parts of about the same length that end after a boundary. Workers can each
   * open the same region and work on one part.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(12);
   * region.bytes.set(new TextEncoder().encode("one\ntwo\nsix\n"));
   * const parts = region.split(2);
   * assertEquals(parts, [{ byteOffset: 0, byteLength: 8 }, { byteOffset: 8, byteLength: 4 }]);
   * assertEquals(parts.map((part) => region.count("\n", part)), [2, 1]);
   * ```
   *
   * @param parts how many at most: fewer if there are too few boundaries
   * @param boundary what each part but the last one ends with, default "\n"; an empty one is anywhere
   * @returns ranges that follow each other without a gap, from the region's beginning to its end
   * @throws {TypeError} If an argument is of another type.
   * @throws {RangeError} If `parts` is not a whole number of at least 1.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  split(parts: number, boundary: Needle = "\n"): Required<ByteRange>[] {
    return search.split(this.#used, parts, boundary);
  }

  /**
   * Changes the length of the region. Old views are detached, including those of `buffer`. An
   * operation of Deno that still uses the old memory continues with it.
   *
   * A file or shared memory grows with the region; it shrinks with it if the region reached to its
   * end. A region that cannot write to its object changes only its own length, within the object.
   *
   * @param byteLength the new length, in bytes
   * @throws {RangeError} If it is not a whole number of at least 1, or reaches beyond an object
   * that the region cannot extend.
   * @throws {TypeError} If the buffer was transferred away.
   * @throws {Deno.errors.PermissionDenied} EPERM: the object is sealed against it.
   * @throws {Deno.errors.NotSupported} If it is a mapping of a device.
   * @throws {Deno.errors.Busy} If a `flush`, a `populate` or an awaited wait for a word of the region is
   * under way, unless the region grows within its `reserve`.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} ENOSPC: no room to extend the file. ENOMEM: no address space left.
   */
  resize(byteLength: number): void {
    resizeRegion(this.#used, byteLength);
  }

  /**
   * Maps the present size of the object, after another process has resized it. Old views are
   * detached, unless the size is the same or `reserve` has held addresses.
   *
   * @throws {RangeError} If the object ends before the region begins.
   * @throws {Deno.errors.Busy} If a `flush`, a `populate` or an awaited wait for a word of the region is
   * under way, unless the region grows within its `reserve`.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  refresh(): void {
    refreshRegion(this.#used);
  }

  /**
   * Writes changes back to the file and waits (`msync`). Other processes see the changes without
   * it, and a crash of this process does not lose them. It protects against a crash of the machine.
   *
   * @param options the range, widened to whole pages, and how far to go
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {MappingFaultError} If a page is cut off from its file; the rest of the range was
   * written.
   * @throws {Error} EIO, ENOSPC, EDQUOT: the data could not be written.
   */
  flushSync(options?: FlushOptions): void {
    memory.flushSync(this.#backing, options);
  }

  /**
   * As {@linkcode flushSync}, without blocking the event loop. The region may be closed meanwhile:
   * the flush still completes, and reports pages that were cut off.
   */
  flush(options?: FlushOptions): Promise<void> {
    return memory.flush(this.#backing, options);
  }

  /**
   * Tells the kernel how a range will be used (`madvise`).
   *
   * @param advice see {@linkcode Advice}; "free" and, but for macOS, "dont-need" lose private changes
   * @param range widened to whole pages
   * @throws {TypeError} If there is no such advice; EINVAL: the kernel does not accept it here.
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Deno.errors.NotSupported} If the platform has no such advice.
   */
  advise(advice: Advice, range?: ByteRange): void {
    memory.advise(this.#used, advice, range);
  }

  /**
   * Faults pages in and waits, so that no later access has to (`MADV_POPULATE_*`).
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} EFAULT: a page lies beyond the end of the file. ENOMEM.
   */
  populateSync(range?: ByteRange): void {
    memory.populateSync(this.#used, range);
  }

  /** As {@linkcode populateSync}, without blocking the event loop. */
  async populate(range?: ByteRange): Promise<void> {
    await memory.populate(this.#used, range);
  }

  /**
   * Changes what whole pages may be used for (`mprotect`). `resize` restores the region's own
   * access on every page.
   *
   * @param protection see {@linkcode Protection}
   * @param range of whole pages; the beginning and the end of the region count as page boundaries
   * @throws {RangeError} If the range lies outside of the region or cuts a page.
   * @throws {Deno.errors.PermissionDenied} EACCES: the file was opened without that right, or shared
   * memory of macOS is to be executable.
   * @throws {Deno.errors.NotSupported} If `protection` is "read-write-execute" on Apple silicon.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  protect(protection: Protection, range?: ByteRange): void {
    memory.protect(this.#used, protection, range);
  }

  /**
   * Faults pages in and keeps them in memory (`mlock`). If a region is resized while an operation
   * of Deno still uses its bytes, it gets new pages, which are not locked and have no advice.
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.WouldBlock} EAGAIN: some pages could not be locked.
   * @throws {Deno.errors.PermissionDenied} EPERM: locking is not allowed at all.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} ENOMEM: more than `ulimit -l` allows.
   */
  lockPages(range?: ByteRange): void {
    memory.lockPages(this.#used, range);
  }

  /**
   * Undoes {@linkcode lockPages} (`munlock`).
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  unlockPages(range?: ByteRange): void {
    memory.unlockPages(this.#used, range);
  }

  /**
   * As {@linkcode lockPages}.
   *
   * @deprecated Use {@linkcode lockPages}: in this package, a lock is a primitive of `./sync`.
   */
  lock(range?: ByteRange): void {
    memory.lockPages(this.#used, range);
  }

  /**
   * As {@linkcode unlockPages}.
   *
   * @deprecated Use {@linkcode unlockPages}.
   */
  unlock(range?: ByteRange): void {
    memory.unlockPages(this.#used, range);
  }

  /**
   * Which pages are in memory (`mincore`). For a file that this user neither owns nor may write to,
   * Linux reports all pages as resident.
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  residency(range?: ByteRange): Residency {
    return memory.residency(this.#used, range);
  }

  /**
   * Which pages can be read: asks the kernel to read one byte of each, which never faults.
   *
   * @param range widened to whole pages
   * @returns one byte for each page: 1 if it can be read; 0 if it lies beyond the end of its file,
   * or is protected against reading
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  probe(range?: ByteRange): Uint8Array<ArrayBuffer> {
    return memory.probe(this.#used, range);
  }

  /**
   * Zeroes exactly the bytes of a range, and gives back the memory or the file blocks that it
   * covers completely (`fallocate` with `FALLOC_FL_PUNCH_HOLE`, or `MADV_DONTNEED`).
   *
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.PermissionDenied} If the region has access "read".
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} EFAULT: private memory that is protected against writing. ENOMEM: on Windows, other
   * programs have taken the memory that was given back; the range reads as zeros all the same.
   */
  discard(range?: ByteRange): void {
    memory.discard(this.#used, range);
  }

  /** How many faults were absorbed in the region's life; see {@linkcode check}. */
  get faults(): number {
    return this.#backing.countFaults();
  }

  /**
   * Throws if the bytes cannot be trusted, because a page is not the object's.
   *
   * @throws {MappingFaultError} If a page is cut off from its object: the file was truncated and the
   * page touched, its disk is full, or a forbidden write was absorbed.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  check(): void {
    this.#backing.check(this.#backing.live("check region"));
  }

  /**
   * Maps the true object again where pages are cut off; what was written to those pages is lost.
   * Views stay valid. Every page gets the region's own access again. Shared memory with a page that
   * is cut off is mapped anew as a whole, so `advise` and `lockPages` have to be called again.
   *
   * A page that still lies beyond the end of its file is cut off again at its next access; `resize`
   * makes the file longer.
   *
   * @throws {Deno.errors.PermissionDenied} EPERM: somebody else has sealed the memory against
   * further writable mappings; its pages that are cut off stay cut off.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  repair(): void {
    this.#backing.repair(this.#used.live("repair region"));
  }

  /**
   * What the kernel reports about the region's memory (/proc/self/smaps). Linux only.
   *
   * @throws {Deno.errors.NotSupported} If there is no /proc.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  stats(): RegionStats {
    return statsOf(this.#used.live("read statistics"));
  }

  /**
   * What another process needs to attach to this region, as plain JSON. It is valid as long as this
   * region is open; for a file, as long as the file exists.
   *
   * @throws {Deno.errors.NotSupported} If it is private memory, which no other process can reach, or
   * a device such as /dev/zero.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  handle(): RegionHandle {
    return handleOf(this.#used);
  }

  /** The handle, for `JSON.stringify`; null if there is none, or the region is closed. */
  toJSON(): RegionHandle | null {
    return handleOrNull(this.#used);
  }

  /**
   * The handle as environment variables for `Deno.Command`; the child attaches with
   * {@linkcode fromEnv}.
   *
   * @param variable the name of the variable, default "MMAP_REGION"
   * @throws as {@linkcode handle}
   */
  env(variable: string = DEFAULT_VARIABLE): Record<string, string> {
    return environmentOf(this.#used, variable);
  }

  /**
   * A SharedArrayBuffer over the region: it can be posted to Workers without copying, and
   * `Atomics.wait` works on it within this process. It is the buffer of {@linkcode wasmMemory}.
   *
   * Its length is the region's, rounded up to 64 KiB; the bytes after the region's last page are
   * private zeros. After `close`, all of it reads as zeros and is no longer connected to the
   * object.
   *
   * @throws {Deno.errors.NotSupported} If the region is private, or of a character device such as
   * /dev/zero.
   * @throws {Deno.errors.PermissionDenied} EPERM: another process has sealed its memory against
   * further writable mappings.
   * @throws {RangeError} If its `byteOffset` is not a multiple of the page size, or it is larger
   * than 16 GiB.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  sharedBuffer(): SharedArrayBuffer {
    return wasmMemoryOf(this.#used).buffer as unknown as SharedArrayBuffer;
  }

  /**
   * A shared WebAssembly memory over the region, so that WebAssembly code works on it in place.
   * Import it as `(memory N N shared)` with N pages of 64 KiB; beyond 4 GiB with 64-bit addresses.
   *
   * @throws as {@linkcode sharedBuffer}
   */
  wasmMemory(): WebAssembly.Memory {
    return wasmMemoryOf(this.#used);
  }

  /**
   * Options for a command whose process may attach to this region with {@linkcode fromEnv}: the
   * given ones, with the handle in `env`. Children do not inherit the descriptor itself.
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

  /**
   * Detaches every view and unmaps the memory. Closing a closed region does nothing.
   *
   * An operation of Deno that still uses the bytes continues with the true memory, which is given
   * back when the last such operation has ended: see `MmapRegion.held`. What was written to a
   * shared mapping stays in its object. If the buffer was transferred away, its memory turns into
   * private zeros.
   */
  close(): void {
    this.#backing.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.#backing.close();
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
