/**
 * Finds the lines of a file that contain a text, with a Worker for each processor.
 *
 *     deno run --allow-ffi --allow-read --allow-write examples/search_log.ts [FILE TEXT]
 *
 * Only the lines that are found are copied; the file may be larger than the memory. Without
 * arguments it searches a log that it writes itself.
 */
import { MmapRegion } from "@mmap/mmap";
import type { Found, Part } from "./search_log_worker.ts";
import { temporaryDirectory } from "./temporary.ts";

/** A log of a server that had one bad hour. */
function writeLog(path: string): string {
  const lines = Array.from(
    { length: 20_000 },
    (_, i) => `request ${i}: ${i % 4000 ? "ok" : "timeout"}`,
  );
  Deno.writeTextFileSync(path, lines.join("\n") + "\n");
  return path;
}

/** Lets a Worker search a part of the file. */
async function search(part: Part): Promise<Found> {
  const worker = new Worker(import.meta.resolve("./search_log_worker.ts"), { type: "module" });
  worker.postMessage(part);
  const { data } = await new Promise<MessageEvent<Found>>((resolve, reject) => {
    worker.addEventListener("message", resolve);
    worker.addEventListener("error", reject);
  });
  worker.terminate();
  return data;
}

using dir = temporaryDirectory();
const [path, text] = Deno.args.length === 2
  ? [Deno.args[0]!, Deno.args[1]!]
  : [writeLog(dir.file("server.log")), "timeout"];
using region = MmapRegion.open(path);
const parts = region.split(navigator.hardwareConcurrency); // each ends with a line
const found = await Promise.all(parts.map((range) => search({ path, range, text })));
for (const { lines } of found) lines.forEach((line) => console.log(line));
const matches = found.reduce((sum, { matches }) => sum + matches, 0);
console.log(`"${text}" stands ${matches} times in ${region.count("\n")} lines`);
