/**
 * The tests that run under Wine, and cannot on Windows itself: the Linux below Wine cuts files that are
 * mapped, which Windows lets nobody do.
 */

import { HAS_HOST } from "../../tests/_host.ts";
import type { Skip } from "../_skips.ts";

/** Empty under Wine, and on Linux, which starts it. */
export const SKIPS_ON_WINDOWS: readonly Skip[] = Deno.build.os !== "windows" || HAS_HOST ? [] : [
  {
    reason: "nobody can cut a file that is mapped on Windows; under Wine, Linux does",
    tests: [
      "Channel over a truncated file ends in an error and crashes nobody",
      "channels whose page is lost: ",
      "collections whose page is lost: ",
      "primitives whose page is lost: ",
      "readChunk() marks exactly the pages that a file has lost",
      "readChunk() finds the pages of a region that begins within one",
      "mmap dump shows what a truncation takes away as missing",
      "mmap dump --json shows what a truncation takes away as missing",
      "mmap dump --follow prints what a file gains and loses",
      "mmap dump --follow refuses what is too large to be kept",
      "inspect() of a region whose file was cut off tells which pages are missing",
      "AppendLog.append() does not make a file whole again that was cut",
      "AppendLog of a file that is truncated under it throws and does not crash",
      "the search for a pair survives a file that is truncated",
      "Two threads that touch the same missing pages lose nothing",
      "the guard leaves stack overflows and WebAssembly's traps to V8",
      "the guard leaves stack overflows and traps of a Worker to V8",
      "a read from an address where nothing is ends the process by SIGSEGV, with a guard",
      "a read right behind an open region ends the process by SIGSEGV, with a guard",
      "a write to a foreign read-only page ends the process by SIGSEGV, with a guard",
      "a read of a foreign map of a truncated file ends the process by SIGBUS, without a guard",
      "a read of a foreign map of a truncated file ends the process by SIGBUS, with a guard",
      "executing a missing page ends the process by SIGBUS, and not in an endless loop",
      "the guard comes on where no descriptor is left at the first region",
      "MmapRegion works without a guard if mprotect refuses to make memory executable",
      "MmapRegion works without a guard if sigaction fails",
      "the guard of Windows keeps private changes beside a missing page",
      "the guard of Windows puts zeros of a section where there is no private memory",
      "the guard of Windows leaves the thread's last error as it was",
      "the guard of Windows leaves a page that another thread has put there since the fault",
      "the guard of Windows loses nothing that two threads write to the same missing pages",
      "MmapRegion.attach() throws RangeError if the file is shorter by now",
    ],
  },
];
