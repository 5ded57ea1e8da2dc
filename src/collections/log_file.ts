/** The file of a log: its header, its records, and its growth. */

import type { MappingFaultError } from "../mapping/fault_error.ts";
import { lossCounts, LossWatch } from "../mapping/loss.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { prepareForWriting, wishFor } from "../mapping/page_calls.ts";
import { alignUp, HUGE_PAGE, type Span } from "../mapping/pages.ts";
import { openFile } from "../object/open_file.ts";
import { checkDenied } from "../object/permission.ts";
import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";
import { backingOf, type MmapRegion } from "../region/mmap_region.ts";
import type { ByteRange } from "../check/range.ts";
import { reserve } from "../region/reserve.ts";
import { ownView } from "../region/own_view.ts";
import type { Memory } from "./copy_out.ts";
import { type Header, HEADER_BYTE_LENGTH, invalid, readHeader } from "./header.ts";
import { LogWords, UNIT } from "./log_words.ts";
import { type Claims, startOf, trueEnd } from "./log_records.ts";
import { mapObject, openCollection } from "./collection_file.ts";

/** The length of a new log's file without its header, in bytes. */
const FIRST_ROOM = 1 << 16;

/** The limits of the steps by which the file grows, in bytes; within them, it doubles. */
const SMALLEST_STEP = HUGE_PAGE;
const LARGEST_STEP = 1 << 26;

const WHOLE: Span = { byteOffset: 0, byteLength: Infinity };

/**
 * How much is faulted in at a time, in bytes. Faults page by page would cost a third of an append.
 */
const POPULATED = 1 << 18;

/**
 * The pieces, in bytes, in which the file is brought into memory where no huge pages are wanted, or
 * none fit. Faults would take four times as long: they bring in one page each, and each begins a
 * transaction of the file system. A commit writes the whole of each piece that has changed.
 */
const SMALL_PIECE = 1 << 14;
const LARGE_PIECE = 1 << 16;

const HEADER: Header = { kind: "log", geometry: [0, 0, 0, 0], layout: [0, 0] };

/** How a log is opened. */
interface LogPlan {
  readonly path: string;
  readonly writable: boolean;
  readonly create: boolean;
  readonly pooled: boolean;
  readonly action: string;
}

/**
 * Two mappings of one file: the header, which does not move while somebody sleeps on it, and the
 * whole file, which is mapped again when it grows.
 */
export class LogFile implements Memory {
  readonly pooled: boolean;
  readonly logWords: LogWords;
  readonly control: MmapRegion;
  readonly #data: MmapRegion;
  readonly #plan: LogPlan;
  /** The whole file; replaced when the file grows. */
  bytes: Uint8Array = new Uint8Array();
  words: Int32Array = new Int32Array();
  /** The end in the log's header when it was opened, and the true end. */
  readonly #claimed: number;
  readonly #found: number;
  readonly #lossWatch: LossWatch;
  /** Before this offset, pages were in memory already when it was opened: no huge page fits. */
  readonly #smallPages: number;
  /** Whether the program may commit often: it has done so since the last part was faulted in. */
  #committed = true;
  /** The error that stopped a writer. */
  #lost: MappingFaultError | undefined;

  constructor(plan: LogPlan) {
    this.#plan = plan;
    this.pooled = plan.pooled;
    const { path, writable, action } = plan;
    const fresh = () => ({ header: HEADER, byteLength: HEADER_BYTE_LENGTH + FIRST_ROOM });
    const file = openCollection({ ...plan, exclusive: writable, fresh });
    const control = mapObject(file, path, writable, HEADER_BYTE_LENGTH);
    try {
      this.#data = mapObject(system().objects.duplicate(file), path, writable);
    } catch (error) {
      release(control, writable);
      throw error;
    }
    this.control = control;
    this.#smallPages = alignUp(this.#data.byteLength, HUGE_PAGE);
    this.#lossWatch = new LossWatch(lossCounts(), () => this.#loss(), () => this.#giveUp());
    try {
      const words = ownView(control, Int32Array);
      readHeader(words, "log", action);
      reserve(backingOf(this.#data));
      this.logWords = new LogWords(words);
      this.#view();
      this.#claimed = this.logWords.tail;
      this.#found = this.#recover();
      this.check();
    } catch (error) {
      this.close(undefined);
      throw error;
    }
  }

  /**
   * Must be called after data were read or written.
   *
   * @throws {MappingFaultError} If a page of it was lost; in a writer, also ever after.
   */
  check(): void {
    this.#lossWatch.check();
  }

  #loss(): MappingFaultError | undefined {
    return this.#lost ?? backingOf(this.control).lossIn(WHOLE) ??
      backingOf(this.#data).lossIn(WHOLE);
  }

  /** Lets another writer open the log, so this one must not continue even after a repair. */
  #giveUp(): void {
    if (!this.#plan.writable || this.#lost !== undefined) return;
    this.#lost = this.#loss();
    unlock(this.control);
  }

  #pages(range: ByteRange): [Mapping, Span] {
    const backing = backingOf(this.#data);
    return [backing.live("grow log"), backing.pages(range, "grow log")];
  }

  #view(): void {
    // Each time, since a mapping that was made anew does not know of it.
    if (this.#plan.writable) wishFor(...this.#pages({}), "huge-page");
    this.bytes = this.#data.bytes;
    this.words = ownView(this.#data, Int32Array);
  }

  /** Looks for a torn record, and cuts it off if this is a writer. @returns the end of the log */
  #recover(): number {
    const { logWords } = this;
    const room = this.#data.byteLength - HEADER_BYTE_LENGTH;
    const claims: Claims = {
      end: Math.min(this.#claimed, room - room % UNIT),
      from: logWords.lookFrom,
      committed: logWords.committed,
    };
    const end = trueEnd(this.words, claims);
    if (this.#plan.writable) logWords.begin(end, Math.min(startOf(claims), end));
    return end;
  }

  /** The end of the last whole record that is visible. */
  get end(): number {
    const { tail } = this.logWords;
    // A reader cannot cut off a torn record; the next writer does.
    return tail === this.#claimed ? this.#found : tail;
  }

  /** Maps everything before `end`, if it is not mapped yet. @throws {Deno.errors.InvalidData} */
  reach(end: number): void {
    if (HEADER_BYTE_LENGTH + end <= this.bytes.length) return;
    this.#data.refresh();
    this.#view();
    if (HEADER_BYTE_LENGTH + end <= this.bytes.length) return;
    throw invalid(this.#plan.action, `the file is shorter than the log says`);
  }

  /**
   * By the writer: makes the file long enough for a record from `tail` to `end`.
   *
   * @returns how far it is mapped and faulted in
   * @throws {Error} ENOSPC: the disk is full; nothing has changed.
   */
  makeRoom(tail: number, end: number): number {
    const needed = HEADER_BYTE_LENGTH + end;
    const before = this.#data.byteLength;
    if (needed > before) {
      const step = Math.min(Math.max(before, SMALLEST_STEP), LARGEST_STEP);
      this.#grow(alignUp(Math.max(needed, before + step), HUGE_PAGE), alignUp(needed, UNIT));
    }
    return this.#populate(HEADER_BYTE_LENGTH + tail, needed) - HEADER_BYTE_LENGTH;
  }

  #grow(byteLength: number, least: number): void {
    const before = this.#data.byteLength;
    try {
      this.#data.resize(byteLength);
    } catch (error) {
      if (!system().objects.isFull(error)) throw error;
      this.#data.resize(least); // the disk has no more room than that
    } finally {
      this.#view();
    }
    this.#expectFilling(before);
  }

  /**
   * What is new will be written from its beginning to its end. Otherwise each fault would make two huge
   * pages, and their zeros would have left the processor's cache again before they are overwritten. What
   * was filled before may be read again, in any order.
   */
  #expectFilling(before: number): void {
    const byteOffset = before - before % HUGE_PAGE;
    const byteLength = this.#data.byteLength - byteOffset;
    if (byteOffset > 0) wishFor(...this.#pages({ byteLength: byteOffset }), "normal");
    if (byteLength > 0) wishFor(...this.#pages({ byteOffset, byteLength }), "random");
  }

  #populate(used: number, needed: number): number {
    const start = needed - 1 - (needed - 1) % POPULATED;
    const end = Math.min(start + POPULATED, this.#data.byteLength);
    if (this.#committed || start < this.#smallPages) {
      const piece = this.#committed ? SMALL_PIECE : LARGE_PIECE;
      const { object } = backingOf(this.#data).attributes;
      system().objects.cacheZeros?.(object!, Math.max(start, used), end, piece);
    }
    this.#committed = false;
    prepareForWriting(...this.#pages({ byteOffset: start, byteLength: end - start }));
    return end;
  }

  /** Writes all before `tail` to the disk. */
  flush(tail: number, durability: "memory" | "disk"): void {
    const byteLength = Math.min(HEADER_BYTE_LENGTH + tail, this.#data.byteLength);
    this.#data.flushSync({ byteOffset: 0, byteLength, durability });
    if (durability === "disk") {
      this.logWords.setCommitted(tail);
      this.#committed = true;
    }
  }

  /**
   * A writable mapping of the header, in which followers announce that they sleep; undefined if
   * they may not write.
   */
  openBell(): MmapRegion | undefined {
    const { path } = this.#plan;
    try {
      checkDenied(path, true);
      const { object } = openFile({
        path,
        writable: true,
        create: false,
        createNew: false,
        mode: 0,
      });
      const bell = mapObject(object, path, true, HEADER_BYTE_LENGTH);
      if (isSameFile(object, backingOf(this.control).attributes.object!)) return bell;
      bell.close();
    } catch {
      // The process may only read the file, or the file was renamed.
    }
    return undefined;
  }

  /** @param tail the end to cut the file to, since it grows in steps */
  close(tail: number | undefined): void {
    const { control } = this;
    const { byteLength } = this.#data;
    const file = tail === undefined || !this.#lossWatch.intact ? undefined : duplicateOf(control);
    this.#data.close();
    if (tail === undefined || file === undefined) return release(control, this.#plan.writable);
    control.close(); // the duplicate keeps the lock
    cut(file, byteLength, HEADER_BYTE_LENGTH + tail);
  }
}

/** Undefined if the process can have no more of them: then the file stays longer than necessary. */
function duplicateOf(control: MmapRegion): OpenObject | undefined {
  try {
    return system().objects.duplicate(backingOf(control).attributes.object!);
  } catch {
    return undefined;
  }
}

/** Cuts a file that is mapped here no more, as some systems demand, and lets the next writer open it. */
function cut(file: OpenObject, from: number, to: number): void {
  const { objects } = system();
  try {
    if (from > to && objects.status(file).byteLength === from) objects.setSize(file, to);
  } catch {
    // Somebody else maps it, where that keeps it as it is.
  } finally {
    objects.unlockFile(file);
    objects.close(file);
  }
}

/** Lets the next writer open a closed log at once. */
function release(control: MmapRegion, writable: boolean): void {
  if (writable) unlock(control);
  control.close();
}

function unlock(control: MmapRegion): void {
  system().objects.unlockFile(backingOf(control).attributes.object!);
}

function isSameFile(a: OpenObject, b: OpenObject): boolean {
  const { objects } = system();
  const [one, other] = [objects.status(a), objects.status(b)];
  return one.inode === other.inode && one.device === other.device;
}
