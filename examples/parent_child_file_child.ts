/** The child of parent_child_file.ts: maps the given file, and writes. */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.open(Deno.args[0]!, { access: "read-write" });
new TextEncoder().encodeInto("I am child", region.bytes);
