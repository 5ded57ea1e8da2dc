/** A Worker of search_log.ts: searches one part of a file. */
import { type ByteRange, MmapRegion } from "@mmap/mmap";

/** What a Worker is told. */
export interface Part {
  readonly path: string;
  readonly range: ByteRange;
  readonly text: string;
}

/** What it answers. */
export interface Found {
  readonly lines: string[];
  readonly matches: number;
}

/** The lines of a region that contain a text: only these are decoded. */
function* linesWith(region: MmapRegion, text: string): Generator<string> {
  for (let at = region.indexOf(text); at !== -1;) {
    const start = region.lastIndexOf("\n", at) + 1;
    const newline = region.indexOf("\n", at);
    const end = newline === -1 ? region.byteLength : newline + 1;
    yield* region.lines({ byteOffset: start, byteLength: end - start });
    at = region.indexOf(text, end);
  }
}

const parent = self as unknown as Worker;

parent.addEventListener("message", ({ data }: MessageEvent<Part>) => {
  // A region may begin at any byte of its file.
  using region = MmapRegion.open(data.path, data.range);
  const found: Found = {
    lines: [...linesWith(region, data.text)],
    matches: region.count(data.text),
  };
  parent.postMessage(found);
});
