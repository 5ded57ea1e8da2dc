/**
 * Copies of short values out of mapped memory.
 *
 * In Deno, `new Uint8Array(32)` takes more than 300 ns: each array's memory is allocated outside of
 * V8's heap. A view of memory that is there takes 25 ns. So short copies are cut from one piece after
 * another, as Node's `Buffer` does; a piece is collected once nobody holds a copy from it.
 */

const PIECE_BYTE_LENGTH = 8192;

/** A longer copy gets memory of its own: it would use a piece up too soon. */
const LONGEST = PIECE_BYTE_LENGTH / 8;

/** Up to here, in bytes, a loop over words is quicker than a call of `set`. */
const SHORT = 128;

let piece = new ArrayBuffer(PIECE_BYTE_LENGTH);
let pieceWords = new Int32Array(piece);
let pieceBytes = new Uint8Array(piece);
/** How many words of it are taken. */
let taken = 0;

/** The bytes and the words of one memory, from the same place on. */
export interface Memory {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

/** A new array of the `byteLength` bytes that begin at the word `at`. */
export function copyOut(memory: Memory, at: number, byteLength: number): Uint8Array<ArrayBuffer> {
  if (byteLength > LONGEST) return memory.bytes.slice(4 * at, 4 * at + byteLength) as Plain;
  const length = byteLength + 3 >>> 2;
  if (taken + length > PIECE_BYTE_LENGTH / 4) nextPiece();
  const start = taken;
  taken += length;
  if (byteLength > SHORT) {
    pieceBytes.set(memory.bytes.subarray(4 * at, 4 * at + byteLength), 4 * start);
  } else {
    const { words } = memory;
    for (let i = 0; i < length; i++) pieceWords[start + i] = words[at + i]!;
  }
  return new Uint8Array(piece, 4 * start, byteLength);
}

type Plain = Uint8Array<ArrayBuffer>;

function nextPiece(): void {
  piece = new ArrayBuffer(PIECE_BYTE_LENGTH);
  pieceWords = new Int32Array(piece);
  pieceBytes = new Uint8Array(piece);
  taken = 0;
}
