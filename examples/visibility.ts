/**
 * Who sees a write: through a shared mapping everybody, through a private one nobody else.
 *
 *     deno run --allow-ffi --allow-read --allow-write --allow-run examples/visibility.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { temporaryDirectory } from "./temporary.ts";

using dir = temporaryDirectory();
const path = dir.file("data.txt");
Deno.writeTextFileSync(path, "nothing");

/** Lets another process map the file, and this one read it with read(2). */
async function look(): Promise<void> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./visibility_child.ts"), path],
  }).output();
  console.log(`  another process sees "${new TextDecoder().decode(stdout)}"`);
  console.log(`  read() of the file gives "${Deno.readTextFileSync(path)}"`);
}

using shared = MmapRegion.open(path, { access: "read-write" });
using scribbles = MmapRegion.open(path, { access: "copy-on-write" });

new TextEncoder().encodeInto("private", scribbles.bytes);
console.log(`private mapping wrote "private"`);
await look();

new TextEncoder().encodeInto("SHARED!", shared.bytes);
console.log(`shared mapping wrote "SHARED!"`);
await look();

// The private mapping keeps its own copy of a page that it has written to.
console.log(`the private mapping still has "${new TextDecoder().decode(scribbles.bytes)}"`);
