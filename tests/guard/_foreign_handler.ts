/** A handler that was there before the guard: it is the library of the first argument, a directory. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { act } from "../_act.ts";
import { truncate } from "../_fault_child.ts";
import { makeFile } from "../_files.ts";
import { PAGE } from "../_pages.ts";

await act({
  callForeign(dir: string, isPlain: number): void {
    const { protect, install, count } = Deno.dlopen(dir + "/handler.so", {
      protect: { parameters: [], result: "pointer" },
      install: { parameters: ["i32"], result: "i32" },
      count: { parameters: [], result: "i32" },
    }).symbols;
    assertEquals(install(isPlain), 0);
    const path = makeFile(dir, 8 * PAGE);
    using region = MmapRegion.open(path);
    truncate(path, 0);
    assertEquals([region.bytes[0], region.faults, count()], [0, 1, 0]);
    for (let i = 1; i <= 3; i++) {
      const at = Deno.UnsafePointer.offset(protect()!, 5)!;
      assertEquals(new Deno.UnsafePointerView(at).getUint8(), 0);
      assertEquals(count(), i);
      assertEquals([region.bytes[i * PAGE], region.faults], [0, 1 + i]);
    }
  },
});
