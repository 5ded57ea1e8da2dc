/**
 * The words of an array's header, after those of all collections. The geometry is the length of an
 * element in bytes, and three zeros. The layout hash is the hash of the element's type.
 *
 * | byte | what |
 * |---|---|
 * | 64 | the mutex of those who append |
 * | 128 | LENGTH: u32, the number of elements, which are all written |
 * | 4096 | the elements |
 */

import { type Header, HEADER_BYTE_LENGTH, invalid } from "./header.ts";

/** The index of LENGTH among the words. */
export const LENGTH = 32;

/** The largest number that the word can count. */
export const LARGEST_LENGTH = 2 ** 32 - 1;

/** The facts about the element type in the header. */
interface ElementType {
  readonly byteLength: number;
  readonly layoutHash: string;
}

/** The header of an array of such elements. */
export function arrayHeader({ byteLength, layoutHash }: ElementType): Header {
  return { kind: "array", geometry: [byteLength, 0, 0, 0], layout: hashWords(layoutHash) };
}

/** @throws {Deno.errors.InvalidData} If the array has other elements. */
export function checkElements(
  { geometry, layout }: Header,
  type: ElementType,
  action: string,
): void {
  const [low, high] = hashWords(type.layoutHash);
  if (layout[0] === low && layout[1] === high && geometry[0] === type.byteLength) return;
  throw invalid(
    action,
    `its elements have another layout: ${geometry[0]} bytes with hash ${hashText(layout)}, ` +
      `and ${type.byteLength} with ${type.layoutHash} were asked for`,
  );
}

/** The hash of a layout, as the header has it. */
export function hashWords(hash: string): [number, number] {
  return [parseInt(hash.slice(8), 16) | 0, parseInt(hash.slice(0, 8), 16) | 0];
}

/** The hash of a layout as digits. */
export function hashText([low, high]: readonly [number, number]): string {
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** The length of an array of so many elements, with the header, in bytes. */
export function byteLengthOf(length: number, elementByteLength: number): number {
  return HEADER_BYTE_LENGTH + length * elementByteLength;
}
