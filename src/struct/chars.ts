/** Text in a fixed number of bytes. */

import { type FieldType, Layout } from "./field_type.ts";
import { wholeNumber } from "../check/numbers.ts";
import { text } from "../check/options.ts";

/** Text in a fixed number of bytes: `char name[n]`. */
export type CharsType = FieldType<string, string, string>;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Text that ends at the first NUL, or where its bytes end. */
export class Chars extends Layout {
  override readonly alignment = 1;

  override readonly byteLength: number;

  constructor(byteLength: number) {
    super();
    this.byteLength = byteLength;
  }

  override get description(): string {
    return `chars(${this.byteLength})`;
  }

  override read(view: DataView, byteOffset: number): string {
    // A copy: another process may write meanwhile, and TextDecoder refuses shared buffers.
    const bytes = bytesOf(view, byteOffset, this.byteLength).slice();
    const end = bytes.indexOf(0);
    return decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
  }

  override copy(view: DataView, byteOffset: number): string {
    return this.read(view, byteOffset);
  }

  override prepare(value: unknown): Uint8Array {
    const bytes = encoder.encode(text(value, "it", "store text"));
    if (bytes.length <= this.byteLength) return bytes;
    throw new RangeError(
      `Cannot store text as it must fit ${this.byteLength} bytes: received ${bytes.length}`,
    );
  }

  override write(view: DataView, byteOffset: number, prepared: unknown): void {
    const text = prepared as Uint8Array;
    const field = bytesOf(view, byteOffset, this.byteLength);
    field.set(text);
    field.fill(0, text.length);
  }

  override bigEndian(): this {
    return this;
  }
}

/** @throws {TypeError} If the memory is gone. */
function bytesOf(view: DataView, byteOffset: number, byteLength: number): Uint8Array {
  // view.byteOffset throws where the buffer is detached
  return new Uint8Array(view.buffer, view.byteOffset + byteOffset, byteLength);
}

/**
 * Text in UTF-8, in `byteLength` bytes: `char name[n]`. It is read up to the first NUL. Text that
 * fills all bytes has no NUL. Text that does not fit is a `RangeError`.
 *
 * @throws {RangeError} If the length is not a whole number above 0.
 */
export function chars(byteLength: number): CharsType {
  return new Chars(wholeNumber(byteLength, "byteLength", "lay out chars", 1)) as CharsType;
}
