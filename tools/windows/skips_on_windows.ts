/**
 * The tests that run under Wine, and cannot on Windows itself: the Linux below Wine cuts files that are
 * mapped, which Windows lets nobody do.
 */

import type { Skip } from "../_skips.ts";

/** Wine has a Linux below that runs programs for the tests; see `host.ts`. */
const HAS_LINUX = Deno.build.os !== "windows" || Deno.env.has("MMAP_HOST");

/** Empty under Wine, and on Linux, which starts it. */
export const SKIPS_ON_WINDOWS: readonly Skip[] = HAS_LINUX ? [] : [
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
      "MmapRegion survives faults inside of libc, on this thread and on Deno's pool",
      "MmapRegion: a system call on a missing page gives EFAULT and no fault",
      "MmapRegion survives a Worker that ends with a truncated region open",
      "MmapRegion.close() leaves a Worker that reads a truncated file by its transferred buffer alive",
      "MmapRegion.flush() rejects for lost pages if the region is closed meanwhile",
      "MmapRegion survives faults on every second page of 600 MiB that were cut off",
      "MmapRegion survives writes to every second page of 600 MiB that were cut off and read",
      "MmapRegion keeps what was written to cut off pages, however many follow",
      "MmapRegion survives stray writes to every second page of 600 MiB",
      "indexOf(), count() and lines() of a truncated file find zeros, and check() tells",
      "indexOf() survives a file that is truncated while it is searched",
      "Stray writes are not mistaken for lost pages",
      'MmapRegion absorbs reads of what is protected by protect("none")',
      "MmapRegion of a truncated file reads zeros, keeps writes to itself, counts and tells",
      "MmapRegion of a truncated file keeps sharing the bytes below its new end",
      "MmapRegion.repair() of a file that is still too short leaves the missing pages to the guard",
      "MmapRegion.repair() of copy-on-write memory keeps the other private changes",
      "MmapRegion from an odd byte on counts the faults' place from its beginning",
      "MmapRegion with guard: false dies of truncation",
      "MmapRegion.check() still throws if a page was cut off while repair() was at work",
      "MmapRegion.tryRead() and tryWrite() take every kind of Uint8Array, and nothing beyond it",
      "MmapRegion.tryRead(), tryWrite() and probe() stop at the end of a truncated file",
      "MmapRegion.refresh() heals a region whose file was cut and grew again",
      "MmapRegion.refresh() throws RangeError if nothing of the region is left",
      "serve_file.ts breaks off when its file was cut off, and sends no zeros",
      "MmapRegion gives the true file again after ",
      "MmapRegion.populateSync() and populate() throw EFAULT for a page beyond the end of the file",
    ],
  },
];
