/**
 * Serves one file, of any size, from its mapping: all Workers share its pages. Clients can ask for
 * parts of it, as players of films and continued downloads do.
 * A newer file is to be renamed to its place, and the server started anew: what is written into the
 * file itself would be mixed with what clients have.
 *
 *     deno serve --parallel --allow-ffi --allow-read examples/serve_file.ts FILE
 *
 *     curl --range 1000-1999 http://localhost:8000/
 */
import { MmapRegion } from "@mmap/mmap";
import { wantedBytes } from "./byte_ranges.ts";

const [path = "README.md"] = Deno.args;
// Open as long as the program runs: each answer that is on its way reads from it.
const file = MmapRegion.open(path);
const { mtime, ino } = Deno.statSync(path);
const etag = `"${ino}-${file.byteLength}-${mtime?.getTime()}"`;

export default {
  fetch(request: Request): Response {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const headers = new Headers({ "accept-ranges": "bytes", etag });
    const total = file.byteLength;
    const wanted = wantedBytes(request, total, etag);
    if (wanted === "none") {
      headers.set("content-range", `bytes */${total}`);
      return new Response(null, { status: 416, headers });
    }
    const { byteOffset, byteLength } = wanted === "all"
      ? { byteOffset: 0, byteLength: total }
      : wanted;
    headers.set("content-type", "application/octet-stream");
    headers.set("content-length", `${byteLength}`);
    if (wanted !== "all") {
      headers.set("content-range", `bytes ${byteOffset}-${byteOffset + byteLength - 1}/${total}`);
    }
    const body = request.method === "HEAD" ? null : bodyOf(byteOffset, byteLength);
    return new Response(body, { status: wanted === "all" ? 200 : 206, headers });
  },
};

/** The bytes as a stream of copies, made as fast as the client takes them. */
function bodyOf(byteOffset: number, byteLength: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  return file.readable({ byteOffset, byteLength }).pipeThrough(
    new TransformStream({
      transform(chunk, controller): void {
        file.check(); // if somebody has cut the file off, end the answer: do not send zeros
        controller.enqueue(chunk);
      },
    }),
  );
}
