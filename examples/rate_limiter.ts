/**
 * A server with one rate limit for all its Workers, and for all servers that are started in this
 * folder. The counts are in a file, so they also survive a restart.
 *
 *     deno serve --parallel --allow-ffi examples/rate_limiter.ts
 *
 *     curl http://localhost:8000/window      100 an hour for each client
 *     curl http://localhost:8000/gcra        one an hour, 10 at once after a pause
 */
import { MmapRegion } from "@mmap/mmap";
import { fixedWindow, gcra, placeOf } from "./rate_limits.ts";

const PLACES = 65_536;
const HOUR = 3_600_000;

// Each Worker runs this module: the first one makes the file, the others find it.
const region = MmapRegion.open("rate_limits.bin", {
  access: "read-write",
  create: true,
  byteLength: 2 * PLACES * BigInt64Array.BYTES_PER_ELEMENT,
});
const windows = region.view(BigInt64Array, 0, PLACES);
const rates = region.view(BigInt64Array, windows.byteLength, PLACES);
const worker = crypto.randomUUID();

export default {
  fetch(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Response {
    const client = request.headers.get("x-api-key") ?? info.remoteAddr.hostname;
    const at = placeOf(client, PLACES);
    const passes = new URL(request.url).pathname === "/window"
      ? fixedWindow(windows, at, { limit: 100, windowMs: HOUR })
      : gcra(rates, at, { intervalMs: HOUR, burst: 10 });
    return new Response(passes ? "welcome\n" : "too many requests\n", {
      status: passes ? 200 : 429,
      headers: { "x-worker": worker }, // to see that there are several
    });
  },
};
