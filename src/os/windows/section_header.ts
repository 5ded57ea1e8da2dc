/**
 * What lies in front of shared memory, and says what Windows does not: the first HEADER_USED of
 * HEADER_BYTE_LENGTH bytes.
 *
 * | offset | type | what |
 * |---|---|---|
 * | 0 | u32 | MAGIC, written last |
 * | 4 | u32 | 1 SHRINK_SEALED, 2 WRITE_SEALED |
 * | 8 | u64 | the size of the data, in bytes |
 * | 16 | u64 | the room for them |
 * | 24 | u64 | when it was made, in nanoseconds since 1970 |
 * | 32 | u64 | the number that stands for an inode, which its name has too |
 * | 40 | u32 | the process that made it |
 * | 44 | u32 | its mode, for display only |
 * | 48 | u64 | when that process started, in microseconds since 1970 |
 * | 56 | u32 | the length of its label, in bytes |
 * | 60 | u8[] | its label in UTF-8, for display only: `shm:NAME`, or `memory:` and what its maker calls it |
 */

/** Views by other programs begin at a multiple of this. */
export const HEADER_BYTE_LENGTH = 65536;

export const MAGIC = 0x324d4d57; // "WMM2"
export const SHRINK_SEALED = 1;
export const WRITE_SEALED = 2;

/** Indices of 32-bit words, and of 64-bit words. */
export const MAGIC_WORD = 0;
export const SEALS_WORD = 1;
export const PID_WORD = 10;
export const MODE_WORD = 11;
export const SIZE_LONG = 1;
export const ROOM_LONG = 2;
export const BIRTH_LONG = 3;
export const INODE_LONG = 4;
export const STARTED_LONG = 6;
const LABEL_LENGTH_WORD = 14;
const LABEL_AT = 60;
/** As much as there is room for. A name has at most 255 bytes, and a label 249. */
const MOST_LABEL = 260;
export const HEADER_USED: number = LABEL_AT + MOST_LABEL;

/** Writes the label of new memory. */
export function writeLabel(words: Int32Array<ArrayBuffer>, label: string): void {
  const bytes = new TextEncoder().encode(label).subarray(0, MOST_LABEL);
  new Uint8Array(words.buffer, LABEL_AT).set(bytes);
  words[LABEL_LENGTH_WORD] = bytes.length;
}

/** What a header says of its memory. */
export interface SeenHeader {
  readonly inode: string;
  readonly byteLength: number;
  readonly birthTime: string;
  readonly label: string;
}

/** Reads a copy of a header; undefined if it is none. */
export function readHeader(buffer: ArrayBuffer): SeenHeader | undefined {
  const words = new Int32Array(buffer);
  const longs = new BigInt64Array(buffer);
  if (words[MAGIC_WORD] !== MAGIC || longs[INODE_LONG]! <= 0n) return undefined;
  const length = Math.min(Math.max(0, words[LABEL_LENGTH_WORD]!), MOST_LABEL);
  return {
    inode: String(longs[INODE_LONG]),
    byteLength: Number(longs[SIZE_LONG]),
    birthTime: String(longs[BIRTH_LONG]),
    label: new TextDecoder().decode(new Uint8Array(buffer, LABEL_AT, length)),
  };
}
