/**
 * A parent and its child share a file: the child writes, the parent sees it.
 *
 *     deno run --allow-ffi --allow-write --allow-run examples/parent_child_file.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { temporaryDirectory } from "./temporary.ts";

using dir = temporaryDirectory();
const path = dir.file("shared.bin");
using region = MmapRegion.open(path, { access: "read-write", createNew: true, byteLength: 4096 });
console.log(`parent created a file of ${region.byteLength} bytes`);

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-ffi", import.meta.resolve("./parent_child_file_child.ts"), path],
});
const { success } = await child.output(); // when the child has ended, it has written
if (!success) Deno.exit(1);

const end = region.bytes.indexOf(0);
console.log(`parent sees "${new TextDecoder().decode(region.bytes.subarray(0, end))}"`);
