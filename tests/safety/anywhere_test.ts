/** Faults that do not come from plain JavaScript on the main thread. */

import { assertLives, ignore, livesOnBothFileSystems } from "../_faults.ts";

const PROGRAM = new URL("_anywhere.ts", import.meta.url);

livesOnBothFileSystems(
  "MmapRegion survives faults inside of libc, on this thread and on Deno's pool",
  PROGRAM,
  ["faultInLibc"],
);

livesOnBothFileSystems(
  "MmapRegion: a system call on a missing page gives EFAULT and no fault",
  PROGRAM,
  ["faultInSystemCalls"],
);

livesOnBothFileSystems(
  "MmapRegion survives faults in WebAssembly code over wasmMemory() and in its buffer",
  PROGRAM,
  ["faultInWebAssembly"],
);

livesOnBothFileSystems(
  "MmapRegion survives faults in Workers while another process truncates the file again and again",
  PROGRAM,
  ["faultInWorkers"],
);

Deno.test(
  "MmapRegion survives a Worker that ends with a truncated region open",
  { ignore },
  async () => {
    await assertLives(PROGRAM, { args: ["endWorkers"] });
  },
);
