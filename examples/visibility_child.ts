/** The other process of visibility.ts: maps the file and prints what it sees. */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.open(Deno.args[0]!);
Deno.stdout.writeSync(region.bytes);
