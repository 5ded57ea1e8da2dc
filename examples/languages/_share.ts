/** What both Deno peers do with a region. */
import { formatHandle, MmapRegion } from "@mmap/mmap";

export type Way = "file" | "named" | "descriptor";

const BYTE_LENGTH = 4096;
const ANSWER = 64;

/** Makes a region. */
export function create(way: Way, where: string): MmapRegion {
  if (way === "descriptor") return MmapRegion.anonymous(BYTE_LENGTH);
  const options = { createNew: true, byteLength: BYTE_LENGTH, access: "read-write" } as const;
  return way === "file" ? MmapRegion.open(where, options) : MmapRegion.named(where, options);
}

/** How another process finds it. */
export function whereabouts(region: MmapRegion, way: Way, where: string): string {
  return way === "descriptor" ? formatHandle(region.handle()) : where;
}

/** Maps what another process made: a handle is Deno's, a path to a descriptor is others'. */
export function attach(way: Way, where: string): MmapRegion {
  if (way === "named") return MmapRegion.named(where);
  if (where.startsWith("mmap:")) return MmapRegion.attach(where);
  return MmapRegion.open(where, { access: "read-write" });
}

/** Puts a text and a NUL at the beginning. */
export function greet(region: MmapRegion, text: string): void {
  new TextEncoder().encodeInto(text + "\0", region.bytes);
}

/** Puts a text and a NUL where the answer belongs. */
export function answer(region: MmapRegion, text: string): void {
  new TextEncoder().encodeInto(text + "\0", region.bytes.subarray(ANSWER));
}

export function greeting(region: MmapRegion): string {
  return textOf(region.bytes);
}

export function answered(region: MmapRegion): string {
  return textOf(region.bytes.subarray(ANSWER));
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/** The lines that come in. */
export function linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  let rest = "";
  return stream.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream({
      transform(chunk, controller): void {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        for (const line of lines) controller.enqueue(line);
      },
    }),
  );
}
