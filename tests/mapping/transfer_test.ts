/** Copies without the calls for them: through a pipe, where the system lacks or forbids them. */

import { MmapRegion } from "@mmap/mmap";
import { assertEquals } from "@std/assert";
import { PAGE } from "../_pages.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { withLibc } from "../_libc.ts";

Deno.test("tryRead(), tryWrite() and probe() work without process_vm_readv and process_vm_writev", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 4 * PAGE);
    const content = pattern(4 * PAGE);
    using region = MmapRegion.open(path, { access: "read-write", guard: false });
    Deno.truncateSync(path, 2 * PAGE);
    return withLibc({ process_vm_readv: null, process_vm_writev: null }, () => {
      const target = new Uint8Array(3 * PAGE);
      assertEquals(region.tryRead(target, 100), 2 * PAGE - 100);
      assertEquals(target.subarray(0, 2 * PAGE - 100), content.subarray(100, 2 * PAGE));
      assertEquals(region.tryWrite(Uint8Array.of(1, 2, 3), 2 * PAGE - 2), 2);
      assertEquals([...Deno.readFileSync(path).subarray(-2)], [1, 2]);
      assertEquals([...region.probe()], [1, 1, 0, 0]);
    });
  }));
