/** A large text file, the same for the same size on every machine. */

import { MmapRegion } from "@mmap/mmap";

const WORDS = `
  a address after again all an and any are as at be because before behind below between both buffer
  by byte cache can child close copy count data does each end every file first for from given has
  have how in into is it its kernel large last length lies line long made many map may memory more
  much name neither new no not nothing number of offset on one only open or other out page parent
  part process program read region same sees share shared size small so some system than that the
  their then there these they this through time to touch two under until up view wait was what when
  where which who will with without word words write written zero Käse naïve 東京 über
`.trim().split(/\s+/);

/** Fills a new file with lines of text. */
export function makeText(path: string, byteLength: number): void {
  using region = MmapRegion.open(path, { access: "read-write", createNew: true, byteLength });
  const encoder = new TextEncoder();
  const random = seededRandom(20_24);
  let at = 0;
  while (at < byteLength) {
    const { read, written } = encoder.encodeInto(lineOf(random), region.bytes.subarray(at));
    at += written;
    if (read === 0) break; // the last bytes have no room for a character
  }
  region.bytes.fill(0x20, at);
}

/** A line: indented at times, of 3 to 16 words, some with a comma, most ending in a full stop. */
function lineOf(random: () => number): string {
  const words = Array.from({ length: 3 + Math.floor(random() * 14) }, () => {
    const word = WORDS[Math.floor(random() * WORDS.length)]!;
    return random() < 0.1 ? word + "," : word;
  });
  const indent = random() < 0.05 ? "\t" : random() < 0.1 ? "    " : "";
  return indent + words.join(" ") + (random() < 0.8 ? ".\n" : "\n");
}

/** Numbers in [0, 1), always the same for one seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
