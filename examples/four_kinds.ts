/**
 * The four kinds of mappings: of a file or anonymous, private or shared.
 *
 *     deno run --allow-ffi --allow-read --allow-write examples/four_kinds.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { temporaryDirectory } from "./temporary.ts";

using dir = temporaryDirectory();
const path = dir.file("data.txt");
Deno.writeTextFileSync(path, "original");

function write(region: MmapRegion, text: string): void {
  new TextEncoder().encodeInto(text, region.bytes);
}

function read(region: MmapRegion): string {
  return new TextDecoder().decode(region.bytes.subarray(0, 8));
}

{ // File and private: starts as the file; writes stay in this mapping (copy-on-write).
  using region = MmapRegion.open(path, { access: "copy-on-write" });
  write(region, "scribble");
  console.log(
    `file, private:      region "${read(region)}", file "${Deno.readTextFileSync(path)}"`,
  );
}

{ // File and shared: writes are in the file at once, for everybody (memory-mapped I/O).
  using region = MmapRegion.open(path, { access: "read-write" });
  write(region, "modified");
  console.log(
    `file, shared:       region "${read(region)}", file "${Deno.readTextFileSync(path)}"`,
  );
}

{ // Anonymous and private: zero-filled scratch memory.
  using region = MmapRegion.anonymous(1 << 20, { sharing: "private" });
  const zeros = region.bytes.every((byte) => byte === 0);
  write(region, "scratch!");
  console.log(`anonymous, private: zero-filled ${zeros}, now "${read(region)}"`);
}

{ // Anonymous and shared: for related processes; whoever is given the handle maps the same memory.
  using region = MmapRegion.anonymous(4096);
  using other = MmapRegion.attach(region.handle());
  write(region, "for both");
  console.log(`anonymous, shared:  the other mapping reads "${read(other)}"`);
}
