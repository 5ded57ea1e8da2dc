/**
 * How long data lives: in a shared file mapping, as long as the file; in anonymous memory, as long
 * as somebody uses it.
 *
 *     deno run --allow-ffi --allow-read --allow-write examples/life_of_the_data.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { temporaryDirectory } from "./temporary.ts";

using dir = temporaryDirectory();
const path = dir.file("data.txt");
{
  using region = MmapRegion.open(path, { access: "read-write", createNew: true, byteLength: 5 });
  new TextEncoder().encodeInto("alive", region.bytes);
  // No flush: that is only for a crash of the machine.
}
console.log(`after munmap the file has "${Deno.readTextFileSync(path)}"`);

const first = MmapRegion.anonymous(4096);
const second = MmapRegion.attach(first.handle());
const handle = second.handle();
first.bytes[0] = 42;
first.close();
console.log(`one user of the memory left: it reads ${second.bytes[0]}`);
second.close();

try {
  MmapRegion.attach(handle);
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.log(`no user left: ${error.message.replaceAll(/\d+/g, "N")}`);
}
