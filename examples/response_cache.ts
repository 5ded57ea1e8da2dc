/**
 * A server whose Workers share its responses: a page that many ask for at once is made once. When it
 * is old, everybody gets the old one at once while one Worker makes it anew.
 *
 *     deno serve --parallel --allow-ffi examples/response_cache.ts
 *
 *     curl -i http://localhost:8000/any/path
 */
import { json, number, SharedCache } from "@mmap/mmap/collections";

type Page = { html: string; madeBy: string };

const cache = SharedCache.open<Page>("responses.bin", {
  create: true,
  byteLength: 1 << 24, // what is used least makes room
  codec: json,
});
const made = cache.namespace("made", { codec: number }); // how often each page was made
const worker = crypto.randomUUID();

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const page = await cache.getOrCompute(pathname, render, {
      ttl: 60_000, // fresh for so long
      staleFor: 600_000, // then the old one is given while a new one is made
      signal: request.signal, // who hangs up does not go on waiting
    });
    return new Response(page!.html, {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "x-made-by": page!.madeBy,
        "x-made": `${made.get(pathname)}`,
        "x-worker": worker,
      },
    });
  },
};

/** Stands for what takes long: a query, a template, another server. */
async function render(path: string | Uint8Array): Promise<Page> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(1 << 24));
  made.increment(path);
  return { html: `<p>${new Uint8Array(digest).toHex()}</p>`, madeBy: worker };
}
