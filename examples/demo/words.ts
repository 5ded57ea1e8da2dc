/** Counting words in bytes, and cutting the bytes so that no word is cut. */

/** Spaces, line ends and other control characters; no byte of a longer UTF-8 sequence is one. */
const LAST_SEPARATOR = 0x20;

/** The number of words: runs of bytes that are not separators. */
export function countWords(bytes: Uint8Array): number {
  let words = 0;
  let inside = false;
  for (let i = 0; i < bytes.length; i++) {
    const wordByte = bytes[i]! > LAST_SEPARATOR;
    if (wordByte && !inside) words++;
    inside = wordByte;
  }
  return words;
}

/** The ends of `parts` slices of about the same size: each at a separator, or at the very end. */
export function sliceEnds(bytes: Uint8Array, parts: number): number[] {
  return Array.from({ length: parts }, (_, part) => {
    let end = Math.floor(bytes.length * (part + 1) / parts);
    while (end < bytes.length && bytes[end]! > LAST_SEPARATOR) end++;
    return end;
  });
}
