/** A log of records in a file. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import { checkMade, checkOptions, flag, type Names, optionalSignal } from "../check/options.ts";
import { wholeNumber } from "../check/numbers.ts";
import { pathOf } from "../object/path.ts";
import { copyOut } from "./copy_out.ts";
import { invalid } from "./header.ts";
import { Follower } from "./log_follower.ts";
import { LogFile } from "./log_file.ts";
import {
  FRAME_BYTE_LENGTH,
  LONGEST_RECORD,
  nextPosition,
  recordChecksum,
  recordLength,
  roundUp,
  wordOf,
} from "./log_records.ts";
import { UNIT } from "./log_words.ts";
import { type CommitOptions, durabilityOf, openingOf } from "./options.ts";

/** Options of `AppendLog.open`. */
export interface AppendLogOptions {
  /**
   * - "read": for any number of processes and Workers, beside the writer.
   * - "read-write": for appending too; only one at a time.
   *
   * @default {"read", or "read-write" with `create`}
   */
  access?: "read" | "read-write";
  /**
   * Create the log if the file does not exist or is empty.
   * @default {false}
   */
  create?: boolean;
  /**
   * Whether copies of up to 1 KiB share buffers, as Node's `Buffer`s do: making one takes 30 ns
   * instead of 300. `record.buffer` is then larger than the record (use `byteOffset`), cannot be
   * transferred to a Worker, and stays in memory as long as any copy in it: 64 KiB.
   *
   * **`postMessage` and `structuredClone` of such a record give away all of its buffer**, with copies
   * from this and from other maps, logs and channels in it. Pass on `record.slice()`.
   * @default {false}
   */
  pooled?: boolean;
}

const OPEN: Names<AppendLogOptions> = { access: true, create: true, pooled: true };

/** A record and its position. */
export interface LogEntry {
  /** Its position in bytes, as `append` returned it. */
  readonly position: number;
  /** A copy of its bytes. */
  readonly record: Uint8Array<ArrayBuffer>;
}

/** Options of `AppendLog.entries`. */
export interface EntriesOptions {
  /**
   * The position to begin at: that of a record, or the end, `byteLength`.
   * @default {0}
   */
  from?: number;
}

/** Options of `AppendLog.follow`. */
export interface FollowOptions extends EntriesOptions {
  /** Ends the iteration: it throws the signal's reason. */
  signal?: AbortSignal;
}

const ENTRIES: Names<EntriesOptions> = { from: true };
const FOLLOW: Names<FollowOptions> = { ...ENTRIES, signal: true };

/** The distance of marks: from the last one, a writer looks for torn records. */
const MARK_DISTANCE = 1 << 20;

/** The result of `AppendLog.stats`. */
export interface LogStats {
  /** The length of all records with their frames, in bytes. */
  readonly byteLength: number;
  /** How much of that was committed to the disk. */
  readonly committedByteLength: number;
}

/**
 * A log of records in a file: one writer, any number of readers in other processes and Workers.
 *
 * `append` copies a record behind the last one and makes it visible to all readers with one atomic
 * store, without a system call. An appended record survives any end of the process, and a committed
 * one any crash of the machine. Each record has a checksum; a record that was torn by a crash of
 * the machine is cut off when the log is next opened for writing.
 *
 * The writer holds the file's exclusive lock (`flock`), which the kernel gives back when the
 * process dies. The file grows in steps with their blocks reserved, so that a full disk is an error
 * of `append` and never a fault. `close` cuts it to its length.
 *
 * The records that it returns are copies. With `pooled`, small ones share buffers.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { AppendLog } from "@mmap/mmap/collections";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * using log = AppendLog.open(path, { access: "read-write", create: true });
 * const position = log.append(new TextEncoder().encode("began"));
 * log.append(new TextEncoder().encode("ended"));
 * log.commit({ durability: "disk" });
 *
 * using reader = AppendLog.open(path); // in any process
 * assertEquals(new TextDecoder().decode(reader.read(position)), "began");
 * assertEquals([...reader.entries()].length, 2);
 * await Deno.remove(path);
 * ```
 */
export class AppendLog implements Disposable {
  #file: LogFile | undefined;
  readonly #follower: Follower;
  readonly #writable: boolean;
  /** Of the writer: the position of the next record. */
  #tail: number;
  /** Of the writer: how far it can write without checks; -1 if it cannot write. */
  #room = -1;
  /** Of the writer: the record that becomes the next mark once enough is written after it. */
  #nextMark: number;

  /** @ignore */
  private constructor(file: LogFile, writable: boolean) {
    checkMade(file, "logWords", "AppendLog.open");
    this.#file = file;
    this.#writable = writable;
    this.#tail = file.end;
    this.#nextMark = file.end;
    this.#follower = new Follower(file);
  }

  /**
   * Opens a log.
   *
   * @param path a path or a file URL
   * @throws {Deno.errors.NotFound} ENOENT: the file does not exist, and `create` is not given.
   * @throws {Deno.errors.Busy} If another writer, in any process, has it open.
   * @throws {Deno.errors.InvalidData} If the file is not a log, is of another version, or is damaged.
   * @throws {Error} ENOSPC: there is no room for it, or for the holes of a sparse file.
   * @throws {Deno.errors.NotSupported} If a file is sparse, and its file system cannot reserve
   * blocks.
   * @throws {TypeError} If an option is of another type, or `create` is given with access "read".
   * @throws as `MmapRegion.open` does
   */
  static open(path: string | URL, options: AppendLogOptions = {}): AppendLog {
    const action = "open log";
    const { create, access = create ? "read-write" : "read" } = openingOf(options, OPEN, action);
    const writable = access === "read-write";
    const pooled = flag(options.pooled, "pooled", action, false);
    const file = new LogFile({ path: pathOf(path), writable, create, pooled, action });
    return new AppendLog(file, writable);
  }

  /** The access that the log was opened with. */
  get access(): "read" | "read-write" {
    return this.#writable ? "read-write" : "read";
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#file === undefined;
  }

  /**
   * The end of the last visible record, where the next one will begin: the length of all records
   * with their frames, in bytes. It is 0 once the log is closed.
   */
  get byteLength(): number {
    const file = this.#file;
    if (file === undefined) return 0;
    const { end } = file;
    file.check();
    return end;
  }

  /**
   * How long the log is, and how much of it was on the disk at some time: for monitoring.
   *
   * @throws {Deno.errors.BadResource} If the log is closed.
   */
  stats(): LogStats {
    const { logWords } = this.#live("read statistics");
    const { byteLength } = this;
    // The word only saves work after a crash, so it may be nonsense.
    const committed = logWords.committed;
    const committedByteLength = committed > 0 ? Math.min(committed, byteLength) : 0;
    return { byteLength, committedByteLength };
  }

  /**
   * Appends a record: when this returns, all readers see it, and the death of this process does not
   * lose it.
   *
   * @param record at most 2^30 bytes; it may be empty
   * @returns its position
   * @throws {TypeError} If it is not a Uint8Array.
   * @throws {RangeError} If it is too long.
   * @throws {Deno.errors.PermissionDenied} If the log is open to read only.
   * @throws {Deno.errors.BadResource} If the log is closed.
   * @throws {Error} ENOSPC: the disk is full; the log is as it was.
   */
  append(record: Uint8Array): number {
    const bytes = record instanceof Uint8Array ? record : plainBytes(record, "record", "append");
    const byteLength = lengthOf(bytes);
    const position = this.#tail;
    const end = position + FRAME_BYTE_LENGTH + roundUp(byteLength);
    if (end > this.#room) this.#makeRoom(end, byteLength);
    const file = this.#file!;
    const { words } = file;
    const at = wordOf(position);
    const last = wordOf(end) - 1;
    words[last] = 0; // the rest of the last unit is zeros
    words[last - 1] = 0;
    if (byteLength > 0) file.bytes.set(bytes, 4 * at + FRAME_BYTE_LENGTH);
    words[at] = byteLength;
    words[at + 1] = recordChecksum(words, position, byteLength);
    file.check();
    this.#tail = end;
    const { logWords } = file;
    logWords.publish(end);
    if (logWords.hasSleepers) this.#follower.wake();
    file.check();
    return position;
  }

  #makeRoom(end: number, byteLength: number): void {
    const file = this.#live("append to log");
    if (!this.#writable) {
      throw new Deno.errors.PermissionDenied(`Cannot append to log: it has access "read"`);
    }
    if (byteLength > LONGEST_RECORD) {
      throw new RangeError(
        `Cannot append to log as a record must be at most ${LONGEST_RECORD} bytes long: ` +
          `received ${byteLength}`,
      );
    }
    file.check(); // before the file grows, which would map lost pages anew
    this.#room = file.makeRoom(this.#tail, end);
    if (this.#tail - this.#nextMark >= MARK_DISTANCE) {
      file.logWords.mark(this.#nextMark);
      this.#nextMark = this.#tail;
    }
  }

  /**
   * Writes what was appended so far to the disk, so that it survives a crash of the machine too.
   *
   * @throws {Deno.errors.PermissionDenied} If the log is open to read only.
   * @throws {Deno.errors.BadResource} If the log is closed.
   * @throws {MappingFaultError} If the file was truncated under the log.
   * @throws {TypeError} If an option is of another type.
   * @throws {Error} EIO, ENOSPC, EDQUOT: the data could not be written.
   */
  commit(options: CommitOptions = {}): void {
    const durability = durabilityOf(options, "commit log");
    const file = this.#live("commit log");
    if (!this.#writable) {
      throw new Deno.errors.PermissionDenied(`Cannot commit log: it has access "read"`);
    }
    void this.byteLength; // throws if the header was lost
    file.flush(this.#tail, durability);
  }

  /**
   * A copy of the record at a position.
   *
   * @throws {RangeError} If `position` is not a multiple of 8, or lies at or behind the end.
   * @throws {Deno.errors.InvalidData} If no record begins there, or it is damaged.
   * @throws {Deno.errors.BadResource} If the log is closed.
   */
  read(position: number): Uint8Array<ArrayBuffer> {
    const file = this.#live("read record");
    checkPosition(position, "position", "read record");
    const { end } = file;
    file.check();
    if (position < end) return recordAt(file, position, end);
    throw new RangeError(
      `Cannot read record as position must lie before ${end}, the end: received ${position}`,
    );
  }

  /**
   * The records from a position to the end of the log, as it is when this is called.
   *
   * @throws {RangeError} If `from` is not a multiple of 8.
   * @throws {Deno.errors.InvalidData} If no record begins at `from`, or one is damaged.
   * @throws {Deno.errors.BadResource} If the log is closed, now or before the last entry.
   */
  entries(options: EntriesOptions = {}): IterableIterator<LogEntry> {
    const from = readFrom(options, ENTRIES, "read entries");
    const file = this.#live("read entries");
    const { end } = file;
    file.check();
    return this.#entriesTo(end, from);
  }

  *#entriesTo(end: number, from: number): IterableIterator<LogEntry> {
    for (let position = from; position < end;) {
      const record = recordAt(this.#live("read entries"), position, end);
      yield { position, record };
      position = nextPosition(position, record.length);
    }
  }

  /** As {@linkcode entries} from the first one. */
  [Symbol.iterator](): IterableIterator<LogEntry> {
    return this.entries();
  }

  /**
   * The records from a position on, and those that any process appends later, as they come. If
   * there is none, this sleeps until the writer wakes it.
   *
   * If this process may not write to the file, it cannot tell the writer that it sleeps. Then it
   * looks every 20 ms.
   *
   * It ends when the log is closed.
   *
   * @throws {RangeError} If `from` is not a multiple of 8.
   * @throws {Deno.errors.InvalidData} If no record begins at `from`, or one is damaged.
   * @throws the signal's reason, once it is aborted
   *
   * @example
   * ```ts
   * import { AppendLog } from "@mmap/mmap/collections";
   * import { assertEquals } from "@std/assert";
   *
   * const path = await Deno.makeTempFile();
   * using log = AppendLog.open(path, { create: true });
   * using reader = AppendLog.open(path); // in any process
   * setTimeout(() => log.append(new Uint8Array([7])), 1);
   * for await (const { record } of reader.follow()) {
   *   assertEquals(record, new Uint8Array([7]));
   *   break;
   * }
   * await Deno.remove(path);
   * ```
   */
  follow(options: FollowOptions = {}): AsyncIterableIterator<LogEntry> {
    const from = readFrom(options, FOLLOW, "follow log");
    const signal = optionalSignal(options.signal, "follow log");
    this.#live("follow log");
    return this.#follow(from, signal);
  }

  async *#follow(from: number, signal: AbortSignal | undefined): AsyncIterableIterator<LogEntry> {
    let position = from;
    while (this.#file !== undefined) {
      signal?.throwIfAborted();
      const { low } = this.#file.logWords;
      const { end } = this.#file;
      this.#file.check();
      if (position >= end) {
        await this.#follower.changed(low, signal);
        continue;
      }
      const record = recordAt(this.#file, position, end);
      yield { position, record };
      position = nextPosition(position, record.length);
    }
  }

  /** Closes the log, so that the next writer may open it. A second call does nothing. */
  close(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    this.#room = -1;
    this.#follower.close();
    file.close(this.#writable ? this.#tail : undefined);
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #live(action: string): LogFile {
    if (this.#file !== undefined) return this.#file;
    throw new Deno.errors.BadResource(`Cannot ${action}: the log is closed`);
  }
}

function recordAt(file: LogFile, position: number, end: number): Uint8Array<ArrayBuffer> {
  file.reach(end);
  const byteLength = recordLength(file.words, position, end);
  const record = byteLength < 0 ? undefined : copyOut(file, wordOf(position) + 2, byteLength);
  file.check();
  if (record !== undefined) return record;
  throw invalid("read record", `no record begins at position ${position}, or it is damaged`);
}

function readFrom<T extends EntriesOptions>(options: T, names: Names<T>, action: string): number {
  checkOptions(options, names, action);
  const { from = 0 } = options;
  checkPosition(from, "from", action);
  return from;
}

function checkPosition(position: number, name: string, action: string): void {
  if (wholeNumber(position, name, action) % UNIT === 0) return;
  throw new RangeError(
    `Cannot ${action} as ${name} must be a multiple of ${UNIT}: received ${position}`,
  );
}
