/** What a system can do with ranges of addresses and the bytes in them. */

import type { Range } from "../../ffi/memory.ts";
import type { FindPair } from "../../ffi/search/find.ts";
import type { Span } from "./arithmetic.ts";
import type { OpenObject } from "./object_system.ts";

/** The accesses that the pages of a range allow; "none": no access at all. */
export type Protection =
  | "none"
  | "read"
  | "read-write"
  | "read-execute"
  | "read-write-execute";

/** Whether a mapping writes to its object, or to its own copies of the pages. */
export type Sharing = "shared" | "private";

/** What to map; every number is checked and page-aligned already. */
export interface MapRequest {
  readonly byteLength: number;
  readonly protection: Protection;
  readonly sharing: Sharing;
  /** Whether memory, or swap space, is set aside for the pages that writing will take. */
  readonly reserve: boolean;
  /** Further flags of the system's own call, as a user gave them. */
  readonly flags: number;
  /** Undefined for private memory without an object. */
  readonly object: OpenObject | undefined;
  readonly fileOffset: number;
  /** The size of the mapping's pages: the system's, or that of huge pages on their own file system. */
  readonly pageSize: number;
  /** The address that a user asked for; 0 for any address. */
  readonly address: bigint;
  /** The path that error messages name. */
  readonly subject: string | undefined;
  /** Whether faults are to be absorbed from the start. */
  readonly guarded: boolean;
  /** Whether a second mapping of the object may be other memory: then no second one is made. */
  readonly single?: boolean;
  /**
   * An existing mapping of the object's page at `fileOffset`. Further mappings are made from it if
   * a seal forbids making them from the object.
   */
  readonly seed?: Deno.PointerObject;
}

/** A mapping's range, and the end of the addresses that it may grow into. */
export interface PlacedRange {
  readonly range: Range;
  /** The same in whole pages of the mapping. */
  readonly pages: Range;
  /** Its address. */
  readonly start: number;
  /**
   * The end, exclusive, of the addresses that belong to the mapping: no other mapping is placed
   * before it.
   */
  readonly end: number;
}

/**
 * A prepared change of a mapping's length: everything that it needs is there, and nothing has
 * changed yet.
 */
export interface Resize {
  /**
   * Makes the change. The mapping must be one piece, with one protection.
   *
   * @param used whether somebody still uses the old memory: then the old range may only become
   * longer
   * @param cut makes the object shorter; called when that is safe
   * @throws the system's error; the mapping is then unchanged
   */
  finish(used: boolean, cut: () => void): PlacedRange;
  /** Gives back what was taken for it. */
  cancel(): void;
}

/**
 * How memory will be used. On POSIX, each value is the `madvise` advice of that name.
 * - "normal", "random", "sequential": how the range will be read, which sets the read-ahead.
 * - "will-need": read it in soon. "cold", "page-out": reclaim it first, or now (Linux 5.4).
 * - "dont-need": drop the pages. Shared pages are read again from their object; **private changes
 *   are lost** and read as the file, or as zeros; on macOS they stay, as the pages are only
 *   reclaimed first. "free": the same for anonymous private memory, when memory gets short.
 * - "huge-page", "no-huge-page", "collapse": transparent huge pages, wanted, unwanted, or now.
 * - "dont-fork", "do-fork", "dont-dump", "do-dump", "mergeable", "unmergeable": forked children,
 *   core dumps, and merging of equal pages.
 */
export type Advice =
  | "normal"
  | "random"
  | "sequential"
  | "will-need"
  | "dont-need"
  | "free"
  | "cold"
  | "page-out"
  | "huge-page"
  | "no-huge-page"
  | "collapse"
  | "dont-fork"
  | "do-fork"
  | "dont-dump"
  | "do-dump"
  | "mergeable"
  | "unmergeable";

/**
 * How far `flush` goes:
 * - "memory": asks for the write-back and returns at once (`MS_ASYNC`); Linux writes back by itself
 *   anyway, and does no more. What was written is safe from a crash of the process, as it is without
 *   any flush.
 * - "data", the default: waits until the range's data were handed to the disk (`MS_SYNC`).
 * - "disk": waits also for the file's size and other metadata and, on macOS, for the drive's own
 *   cache (`fsync`, `F_FULLFSYNC`).
 */
export type Durability = "memory" | "data" | "disk";

/**
 * The memory of a region, in bytes. Linux takes it from /proc/self/smaps, where private memory may be
 * joined with its neighbours and told of together: then each figure is at most what it says, and at
 * most the region's own size. macOS does not tell how many processes share a page: there
 * `proportional` is `resident`.
 */
export interface RegionStats {
  /** In memory and mapped by this process ("Rss"). */
  resident: number;
  /** This process's share of it, where others map the same pages ("Pss"). */
  proportional: number;
  /** Of the resident part, pages that other processes map too. */
  shared: number;
  /** Of the resident part, pages that only this process maps. */
  private: number;
  /** Of the resident part, pages that were changed and not written back. */
  dirty: number;
  /** Swapped out ("Swap"). */
  swap: number;
  /** Locked in memory ("Locked"). */
  locked: number;
}

/** "out" of a mapping, or "into" it. */
export type Direction = "out" | "into";

/** Ranges of addresses, and what is mapped there. Every method throws the system's error. */
export interface MemorySystem {
  /** The size of a page, in bytes. */
  pageSize(): number;
  /** @throws {RangeError} If the flags contain bits that a request sets by other fields. */
  checkFlags(flags: number, action: string): void;
  /** Maps at any address. */
  map(request: MapRequest): Range;
  /** Maps at addresses that no mapping had before, with `headroom` more behind it for growing. */
  place(request: MapRequest, headroom?: number): PlacedRange;
  /**
   * Maps what a request asks for over addresses that are the caller's. If it fails, what was mapped
   * there stays.
   *
   * @param byteOffset where in the request's range the addresses begin
   */
  replace(range: Range, request: MapRequest, byteOffset?: number): void;
  /** Replaces a range by zero pages, which take no memory until they are written to. */
  replaceByZeros(range: Range): void;
  /** Unmaps a range of whole pages. */
  unmap(range: Range): void;
  /**
   * Whether there are addresses for another length: asked before the object gets longer, where that
   * cannot be taken back as long as it is mapped.
   */
  checkMayResize?(placed: PlacedRange, mapped: MapRequest, byteLength: number): void;
  /** Prepares another length. @param mapped the request as the mapping is now */
  resize(placed: PlacedRange, mapped: MapRequest, byteLength: number): Resize;
  /**
   * Maps what an object has got within a mapping's range, where a mapping reaches no further than its
   * object. Other systems have no need of it.
   *
   * @param cut makes the object shorter; called when that is safe
   */
  follow?(placed: PlacedRange, mapped: MapRequest, cut: () => void): void;
  /**
   * What the guard's handler maps from in a mapping's range, where that is not the object itself.
   *
   * @returns -1 as the object if it only gives rights back
   */
  guardSource?(range: Range, mapped: MapRequest): { object: number; byteOffset: number };
  /** @throws {Deno.errors.NotSupported} If memory of the engine cannot show an object. */
  checkOverlays?(action: string): void;
  /**
   * The parts of a mapping that are not its object's: zeros and copies that the guard has put
   * there.
   */
  foreignSpans(range: Range, request: MapRequest): Span[];
  /** Whether a page of a private mapping shows nothing of its object. */
  isForeign(page: Range): boolean;
  /** Whether a page is private memory without an object. */
  isAnonymous(page: Range): boolean;
  /** Whether a page belongs to no shared mapping. */
  isPrivate(page: Range): boolean;
  protect(range: Range, protection: Protection, subject: string | undefined): void;
  /** @throws {Deno.errors.NotSupported} If the system has no such advice. */
  advise(range: Range, advice: Advice): void;
  /**
   * Faults pages in, and waits.
   *
   * @param patchy whether some pages may forbid it; those stay as they are
   * @param written whether all pages are about to be written to, so that each may count as changed
   */
  populate(range: Range, request: MapRequest, patchy: boolean, written?: boolean): void;
  /** As `populate`, on another thread. @returns whether that did all of it */
  populateOffThread?(range: Range, request: MapRequest): Promise<boolean>;
  lock(range: Range): void;
  unlock(range: Range): void;
  /** Writes changes back. */
  flush(range: Range, durability: Durability, object: OpenObject | undefined): void;
  /** As `flush`, on another thread. @returns the error of a failed write */
  flushOffThread(
    range: Range,
    durability: Durability,
    object: OpenObject | undefined,
  ): Promise<Error | undefined>;
  /** One byte for each page: 1 if it is in memory. */
  residency(range: Range): Uint8Array<ArrayBuffer>;
  /** Whether that tells what this process has touched, and not what is in memory for all. */
  readonly showsOwnPagesOnly?: boolean;
  /** What the system reports about a range's memory. */
  usage?(range: Range): RegionStats;
  /**
   * Zeroes bytes by giving their blocks back.
   *
   * @returns false if the object cannot have holes
   */
  punch?(request: MapRequest, span: Span): boolean;
  /**
   * Drops whole pages of private anonymous memory, so that they read as zeros.
   *
   * @param mended whether the guard may have put other pages among them
   * @returns false if they cannot be dropped, such as locked pages
   */
  drop?(range: Range, mended: boolean): boolean;
  /** Whether dropped pages are missing for a moment, or for longer if the system is out of memory. */
  readonly dropsInSteps?: boolean;
  /** Writes zeros. @throws {Error} EFAULT: a page is protected against writing or is not there. */
  zero(range: Range): void;
  /** Labels private memory in the system's list of mappings. */
  label?(range: Range, label: string): void;
  /**
   * Copies between two addresses. The pages at `mapped` may be missing.
   *
   * @returns how many bytes were copied, maybe fewer than asked for; 0 if the first one is missing
   */
  copy(direction: Direction, local: bigint, mapped: bigint, byteLength: number): number;
}

/**
 * Finding, comparing and copying bytes at addresses, as fast as the system's library does. A result
 * is an address; 0n means not found.
 */
export interface ByteSystem {
  /** The first occurrence of a byte. */
  readonly findByte: (start: bigint, byte: number, byteLength: bigint) => bigint;
  /** The last occurrence of a byte. */
  readonly findLastByte?: (start: bigint, byte: number, byteLength: bigint) => bigint;
  /** The search for two bytes at once; undefined where this machine cannot do that. */
  readonly pairFinder?: () => FindPair | undefined;
  /** The first occurrence of some bytes. */
  readonly find: (
    start: bigint,
    byteLength: bigint,
    needle: bigint,
    needleByteLength: bigint,
  ) => bigint;
  /** The order of bytes: less than, equal to or greater than 0. */
  readonly compare: (a: bigint, b: bigint, byteLength: bigint) => number;
  readonly copy: (target: Uint8Array<ArrayBuffer>, source: bigint, byteLength: bigint) => unknown;
}
