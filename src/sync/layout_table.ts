/**
 * The table in front of everything that {@linkcode layOut} places. It says what lies where, for
 * whoever attaches, and for programs that only look.
 *
 * | byte | what |
 * |---|---|
 * | 0 | "mmaplayo"; its first four bytes are written last, after everything else |
 * | 8 | two words, a lock (`wait/robust_word.ts`), held while the table is written |
 * | 16 | u32, the version of this table: 1 |
 * | 20 | u32, how many parts there are |
 * | 24 | u64, the length of all of it in bytes, a multiple of 64 |
 * | 32 | zeros |
 * | 64 | 32 bytes for each part, in their order |
 * | | the texts of the parts, each part's name and then its type, in UTF-8 |
 * | | zeros up to a multiple of 64 |
 *
 * Each part:
 *
 * | byte | what |
 * |---|---|
 * | 0 | u64, where it begins, a multiple of 64; counted from the table's beginning |
 * | 8 | u64, its length in bytes |
 * | 16 | u32, its kind: 1 futex, 2 mutex, 3 rwlock, 4 semaphore, 5 condition, 6 barrier, 7 event, 8 once, 9 record, 10 array |
 * | 20 | u32, the parties of a barrier; 1 for an event that resets itself; 0 |
 * | 24 | u32, the length of its name in bytes |
 * | 28 | u32, the length of its type in bytes: that of a record or array, such as `f64[1024]` |
 *
 * All numbers are in the machine's byte order, which is little-endian wherever Deno runs.
 */

import { reserve } from "../region/reserve.ts";
import { backingOf, MmapRegion } from "../region/mmap_region.ts";
import { shown } from "../check/options.ts";
import { withLock } from "../wait/lock_attempt.ts";
import { placeOffset } from "../wait/place.ts";
import { RegionWords } from "../wait/region_words.ts";
import { RobustWord } from "../wait/robust_word.ts";

/** The kinds, by their number. */
const KINDS = [
  "",
  "futex",
  "mutex",
  "rwlock",
  "semaphore",
  "condition",
  "barrier",
  "event",
  "once",
  "record",
  "array",
] as const;

/** What the table says of a part, but for where it begins. */
export interface Part {
  readonly name: string;
  readonly kind: typeof KINDS[number];
  readonly detail: number;
  readonly type: string;
  readonly byteLength: number;
}

/** All parts with their places, and the table that tells of them. */
export interface Plan {
  readonly table: Uint8Array<ArrayBuffer>;
  readonly byteOffsets: readonly number[];
  readonly byteLength: number;
}

const VERSION = 1;
const HEADER_BYTE_LENGTH = 64;
const PART_BYTE_LENGTH = 32;
/** The words of the lock. */
const LOCK = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Puts the parts one after the other. @throws {RangeError} If no region can be so long. */
export function planLayout(parts: readonly Part[], action: string): Plan {
  const texts = parts.map(({ name, type }) =>
    [encoder.encode(name), encoder.encode(type)] as const
  );
  const textStart = HEADER_BYTE_LENGTH + parts.length * PART_BYTE_LENGTH;
  const tableEnd = texts.flat().reduce((end, { length }) => end + length, textStart);
  let byteLength = roundUp(tableEnd);
  const byteOffsets = parts.map((part) => {
    const byteOffset = byteLength;
    byteLength = roundUp(byteOffset + part.byteLength);
    return byteOffset;
  });
  if (!Number.isSafeInteger(byteLength)) {
    throw new RangeError(`Cannot ${action} as no region is so long: it takes ${byteLength} bytes`);
  }

  const table = new Uint8Array(roundUp(tableEnd));
  const view = new DataView(table.buffer);
  table.set(encoder.encode("mmaplayo"));
  view.setUint32(16, VERSION, true);
  view.setUint32(20, parts.length, true);
  view.setBigUint64(24, BigInt(byteLength), true);
  let textEnd = textStart;
  for (const [i, part] of parts.entries()) {
    const start = HEADER_BYTE_LENGTH + i * PART_BYTE_LENGTH;
    view.setBigUint64(start, BigInt(byteOffsets[i]!), true);
    view.setBigUint64(start + 8, BigInt(part.byteLength), true);
    view.setUint32(start + 16, KINDS.indexOf(part.kind), true);
    view.setUint32(start + 20, part.detail, true);
    for (const [j, text] of texts[i]!.entries()) {
      view.setUint32(start + 24 + 4 * j, text.length, true);
      table.set(text, textEnd);
      textEnd += text.length;
    }
  }
  return { table, byteOffsets, byteLength };
}

/** A part, and where it lies, from the beginning of the table. */
export interface SeenPart extends Part {
  readonly byteOffset: number;
}

/** What a table says; for whoever only looks. */
export interface SeenTable {
  readonly version: number;
  readonly byteLength: number;
  readonly parts: readonly SeenPart[];
}

const [FIRST_MAGIC, SECOND_MAGIC] = new Int32Array(encoder.encode("mmaplayo").buffer);

/** Whether a table begins there. */
export function isTable(words: Int32Array): boolean {
  return words[0] === FIRST_MAGIC && words[1] === SECOND_MAGIC;
}

/**
 * Reads a table of this version.
 *
 * @param read gives bytes from the beginning of the table on
 * @throws {Deno.errors.InvalidData} If it is damaged, or of another version.
 */
export function readTable(read: (byteOffset: number, byteLength: number) => DataView): SeenTable {
  const header = read(0, HEADER_BYTE_LENGTH);
  const version = header.getUint32(16, true);
  if (version !== VERSION) {
    throw invalid(`it has version ${version}, and this module reads ${VERSION}`);
  }
  const count = header.getUint32(20, true);
  const byteLength = Number(header.getBigUint64(24, true));
  if (HEADER_BYTE_LENGTH + count * PART_BYTE_LENGTH > byteLength) throw invalid("it is damaged");
  const view = read(HEADER_BYTE_LENGTH, count * PART_BYTE_LENGTH);
  let textEnd = HEADER_BYTE_LENGTH + count * PART_BYTE_LENGTH;
  const textOf = (length: number): string => {
    textEnd += length;
    if (textEnd > byteLength) throw invalid("it is damaged");
    return decoder.decode(read(textEnd - length, length));
  };
  const parts = Array.from({ length: count }, (_, i) => {
    const start = i * PART_BYTE_LENGTH;
    const word = (byteOffset: number): number => view.getUint32(start + byteOffset, true);
    const long = (byteOffset: number): number =>
      Number(view.getBigUint64(start + byteOffset, true));
    const part = {
      byteOffset: long(0),
      byteLength: long(8),
      kind: KINDS[word(16)]!,
      detail: word(20),
    };
    const isWhole = part.kind && part.byteOffset % 64 === 0 &&
      part.byteOffset + part.byteLength <= byteLength;
    if (!isWhole) throw invalid("it is damaged");
    return { ...part, name: textOf(word(24)), type: textOf(word(28)) };
  });
  return { version, byteLength, parts };
}

function invalid(why: string): Error {
  return new Deno.errors.InvalidData(`Cannot read layout: ${why}`);
}

function roundUp(byteLength: number): number {
  return Math.ceil(byteLength / 64) * 64;
}

/**
 * Makes sure that the table is in the region, at that offset.
 *
 * @param create whether to write it, if all is zeros
 * @throws {Deno.errors.InvalidData} If something else is there.
 * @throws {RangeError} If the region is too short for it, or the offset is no multiple of 64.
 * @throws {TypeError} If it is no region, or is to be written to and has access "read".
 * @throws {Deno.errors.BadResource} If the region is closed.
 */
export function placeTable(
  region: MmapRegion,
  byteOffset: number,
  plan: Plan,
  create: boolean,
): void {
  const action = create ? "create layout" : "attach to layout";
  if (!(region instanceof MmapRegion)) {
    throw new TypeError(`Cannot ${action} as it lies in an MmapRegion: received ${shown(region)}`);
  }
  const start = placeOffset(byteOffset, action);
  backingOf(region).live(action);
  if (create && region.access === "read") {
    throw new TypeError(`Cannot ${action} as the region must have access "read-write"`);
  }
  new TablePlace(region, start, plan, action).join(create);
}

/** Where a table is, or is to be. */
class TablePlace {
  readonly #region: MmapRegion;
  readonly #byteOffset: number;
  readonly #plan: Plan;
  readonly #action: string;

  constructor(region: MmapRegion, byteOffset: number, plan: Plan, action: string) {
    this.#region = region;
    this.#byteOffset = byteOffset;
    this.#plan = plan;
    this.#action = action;
  }

  join(create: boolean): void {
    const header = this.#words(HEADER_BYTE_LENGTH);
    const isThere = (): boolean => {
      // Pairs with the store in `#write`: who sees the magic sees the whole table.
      const magic = Atomics.load(header.cells, 0);
      header.lossWatch.check();
      return magic === new Int32Array(this.#plan.table.buffer)[0];
    };
    if (isThere()) return this.#compare();
    if (!create) throw this.#invalid("no layout is there");
    const words = this.#words(this.#plan.table.length);
    this.#checkLength();
    if (!this.#isBlank()) {
      // Another process may have written and used it since the first look.
      if (isThere()) return this.#compare();
      throw this.#invalid("its memory is not all zeros");
    }
    this.#reserve();
    withLock(new RobustWord(words, LOCK), this.#action, () => {
      if (!isThere()) this.#write(words);
    });
    this.#compare();
  }

  #write({ cells, lossWatch }: RegionWords): void {
    const table = new Int32Array(this.#plan.table.buffer);
    cells.set(table.subarray(LOCK + 2), LOCK + 2);
    cells[1] = table[1]!;
    Atomics.store(cells, 0, table[0]!);
    lossWatch.check();
  }

  /** Checks that what is there is this layout. */
  #compare(): void {
    const { table } = this.#plan;
    if (this.#available < table.length) throw this.#invalid("another layout is there");
    const expected = new Int32Array(table.buffer);
    const isSame = this.#isEach(table.length, (word, i) => word === expected[i]);
    this.#words(table.length).lossWatch.check();
    if (!isSame) throw this.#invalid("another layout is there");
    this.#checkLength();
    this.#reserve();
  }

  /** Whether nothing is there, but what a process may have left that died in `#write`. */
  #isBlank(): boolean {
    const expected = new Int32Array(this.#plan.table.buffer);
    return this.#isEach(this.#plan.byteLength, (word, i) => word === 0 || word === expected[i]);
  }

  /** Whether `test` holds for each word, but for the lock. */
  #isEach(byteLength: number, test: (word: number, index: number) => boolean): boolean {
    const { buffer, byteOffset } = backingOf(this.#region).ownWindow(this.#action);
    const words = new Int32Array(buffer, byteOffset + this.#byteOffset, byteLength / 4);
    return words.every((word, i) => i === LOCK || i === LOCK + 1 || test(word, i));
  }

  /** Data of this module must not lie in a hole of a file. */
  #reserve(): void {
    reserve(backingOf(this.#region), this.#byteOffset, this.#plan.byteLength);
  }

  get #available(): number {
    return this.#region.byteLength - this.#byteOffset;
  }

  #checkLength(): void {
    const { byteLength } = this.#plan;
    if (this.#available >= byteLength) return;
    throw new RangeError(
      `Cannot ${this.#action} as it takes ${byteLength} bytes: ` +
        `the region has ${Math.max(0, this.#available)} from byteOffset ${this.#byteOffset} on`,
    );
  }

  #words(byteLength: number): RegionWords {
    if (this.#available < byteLength) this.#checkLength();
    return new RegionWords(this.#region, this.#byteOffset, byteLength, this.#action, "read");
  }

  #invalid(why: string): Error {
    return new Deno.errors.InvalidData(`Cannot ${this.#action}: ${why}`);
  }
}
