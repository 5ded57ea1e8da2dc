/** The tests that cannot run on Windows, and why. What is wrong with the module stays a failure. */

import type { Skip } from "../_skips.ts";

export const SKIPS: readonly Skip[] = [
  {
    reason: "the test calls libc itself, which Windows has not",
    files: [
      "tests/os/darwin_test.ts",
      "tests/os/darwin_token_test.ts",
      "tests/os/flush_test.ts",
      "tests/mapping/transfer_test.ts",
      "tests/region/limits_test.ts",
      "tests/region/resize_failure_test.ts",
      "tests/sharing/socket_others_test.ts",
    ],
    tests: [
      "MmapRegion.anonymous() seals its size against shrinking",
      "MmapRegion.discard() of a file from an odd byte on works without fallocate and process_vm",
      "MmapRegion.discard() of a file works without fallocate and process_vm",
      "MmapRegion.discard() of a file, copy-on-write works without fallocate and process_vm",
      "MmapRegion.discard() of anonymous private memory works without fallocate and process_vm",
      "MmapRegion.discard() of anonymous shared memory works without fallocate and process_vm",
      "MmapRegion.discard() throws the system error of a hole that fails",
      "MmapRegion.discard() zeroes where the file system has no holes",
      "MmapRegion.fromFd() does not wrap a descriptor into 32 bits",
      "MmapRegion.named() refuses an object that another program left empty",
      "MmapRegion.open() extends a file up to its limit",
      "MmapRegion.open() with allocate false keeps a file that cannot be extended",
      "MmapRegion.open() with allocate false removes a new file that cannot be extended",
      "MmapRegion.open() with allocate true keeps a file that cannot be extended",
      "MmapRegion.open() with allocate true removes a new file that cannot be extended",
      "MmapRegion.open() with truncate keeps the file if its pages cannot be locked",
      "MmapRegion.reap() leaves a newer object that took over the name",
      "MmapRegion.reap() leaves an object as long as one of its owners is alive",
      "MmapRegion.reap() never touches what other programs made",
      "MmapRegion.reap() removes owner files whose object is gone",
      "MmapRegion.reap() takes no other process of the number for the owner",
      "MmapRegion.reap() takes no process of another boot for the owner",
      "MmapRegion.resize() keeps the region if the file cannot be extended",
      "MmapRegion.resize() of a file from an odd byte on works without mremap, too",
      "MmapRegion.resize() of a file works without mremap, too",
      "MmapRegion.resize() of a file, copy-on-write works without mremap, too",
      "MmapRegion.resize() of anonymous private memory works without mremap, too",
      "MmapRegion.resize() of anonymous shared memory works without mremap, too",
      "MmapRegion.resize() without mremap moves whole copied pages",
      "a forgotten region counts as alive as long as its isolate has another one of the object",
      "close() of a creator's region leaves a newer object of that name alone",
      "close() of a region whose name another program has removed is silent",
      "locks of a file's own bytes and whole-file flock() are in no lock's way",
      "the rest of a file's last page reads as zeros and never reaches the file",
      "while somebody locks",
      "without a descriptor for it no lock is taken",
      "without a lock left no lock is taken",
    ],
  },
  {
    reason: "no number of Deno's leads to a file on Windows",
    files: ["tests/region/from_fd_test.ts", "tests/sharing/descriptor_test.ts"],
  },
  {
    reason: "Windows has no FIFOs, no shell and no Unix programs",
    files: ["tests/region/lease_test.ts", "tests/sharing/languages_test.ts"],
    tests: [
      "Channel.create() throws what the system says if there are no descriptors left",
      "MmapRegion.attach() does not wait at a FIFO in the file's place",
      "MmapRegion.attach() finds a file whose name is no UTF-8, by its owner",
      "MmapRegion.open() cannot map a FIFO and does not wait for its other end",
      "MmapRegion.open() throws ETXTBSY for write access to a running program",
      "MmapRegion.open() with truncate throws NotSupported for what has no size",
      "a child maps what a shell opened for it",
    ],
  },
  {
    reason: "V8 would free a view in its memory on Windows",
    files: ["tests/sharing/wasm_test.ts"],
    tests: [
      "Atomics.wait() in a Worker is woken through a shared buffer",
      "Atomics.waitAsync() is woken by a Worker through a shared buffer",
      "MmapRegion.close() leaves zeros in the shared buffer, out of reach of the file",
      "MmapRegion.close() removes the name at once, also while a flush is under way",
      "MmapRegion.resize() makes a new shared buffer",
      "MmapRegion.sharedBuffer() ends in zeros that reach no file",
      "MmapRegion.sharedBuffer() is the region's memory, rounded up",
      "MmapRegion.wasmMemory() and sharedBuffer() refuse what cannot be shared",
      "MmapRegion.wasmMemory() and sharedBuffer() throw RangeError beyond 16 GiB",
      "MmapRegion.wasmMemory() has the region's pages and no more",
      "MmapRegion.wasmMemory() lets WebAssembly work on a file in place",
      "MmapRegion.wasmMemory() of 4 GiB still has 32-bit addresses",
      "MmapRegion.wasmMemory() of more than 4 GiB has 64-bit addresses",
      "WebAssembly sees zeros after close, and reaches the file no more",
      "a shared buffer in a Worker reads zeros after close",
      "a shared buffer is posted to Workers without copying",
      "instantiate() refuses memories of the other kinds",
      "webassembly/main.ts works on its file in place",
    ],
  },
  {
    reason: "the numbers that the test counts are those of /proc",
    files: ["tests/region/many_test.ts"],
    tests: [
      "Channel.create() closes its region if there is no room in the list",
      "Server and Client leave no descriptor and no mapping behind",
    ],
  },
  {
    reason: "the calls of Windows have no flags",
    tests: [
      "MmapRegion.attach() refuses flags that other options stand for",
      "MmapRegion.fromFd() refuses flags that other options stand for",
      "MmapRegion.open() refuses flags that other options stand for",
    ],
  },
  {
    reason: "no file that is mapped can be made shorter on Windows",
    tests: [
      "MmapRegion.attach() throws RangeError if the file is shorter by now",
      "MmapRegion.populateSync() and populate() throw EFAULT for a page beyond the end of the file",
      "MmapRegion.refresh() throws RangeError if nothing of the region is left",
    ],
  },
  {
    reason: "symbolic links need a right on Windows",
    tests: [
      "MmapRegion.open() follows symbolic links",
      "MmapRegion.open() throws FilesystemLoop at a circle of links",
      "MmapRegion.open() with create follows links that lead to links, and to nothing",
      "MmapRegion.open() with create makes the target of a dangling link",
      "MmapRegion.open() with createNew follows no dangling link",
    ],
  },
  {
    reason: "the test looks at /proc",
    tests: [
      "zero_copy.ts moves nothing by read() and write()",
      "MmapRegion.open() with lock and truncate keeps the new pages in memory",
    ],
  },
  {
    reason: "Windows has other paths and names",
    tests: [
      'MmapRegion.open() finds "a?b#c&d=e"',
      'MmapRegion.open() finds "back\\\\slash"',
      'MmapRegion.open() finds "new\\nline\\ttab"',
      'MmapRegion.open() finds "quotes\'\\"`$(x)"',
      "MmapRegion.open() takes a relative path from the current directory",
      "MmapRegion.open() throws TypeError for a file URL with a host",
      'formatHandle() keeps the file name "a&b=c;d?e#f"',
      'formatHandle() keeps the file name "new\\nline\\ttab"',
      'formatHandle() keeps the file name "quotes\'\\"`$(x)"',
    ],
  },
  {
    reason: "Deno for Windows has no Unix sockets",
    tests: ["MmapRegion.open() cannot open a socket"],
  },
  {
    reason: "shared memory has no modes on Windows",
    tests: ["MmapRegion.named() gives an object its mode, less the umask"],
  },
  {
    reason: "Windows' errors are others",
    tests: [
      "Client.call() keeps code, errno and syscall of a system error",
      "MmapRegion.open() cannot map a directory",
      "MmapRegion.open() cannot map devices without memory",
      "MmapRegion.open() leaves nothing of an impossible size",
      "MmapRegion.open() throws ENAMETOOLONG if a name is too long",
      "MmapRegion.open() throws NotADirectory if the path goes through a file",
      "MmapRegion.open() throws NotFound if the directory does not exist",
      "MmapRegion.open() throws NotFound if the file does not exist",
    ],
  },
  {
    reason: "Windows tells what this process uses, and not what is in memory",
    tests: [
      "MmapRegion goes on without a buffer that was transferred away",
      'MmapRegion.advise() with "dont-need" drops private pages, whose content is lost',
      "MmapRegion.discard() takes shared pages out of memory",
      "MmapRegion.stats() counts the pages that were touched",
      "MmapRegion.stats() tells what other processes map too",
    ],
  },
  {
    reason: "Wine does not tell which pages are locked",
    tests: ["MmapRegion.stats() counts what is locked"],
  },
  {
    reason: "Windows commits memory when it is made",
    tests: [
      "MmapRegion.anonymous() gives 1 TiB of private memory",
      "MmapRegion.anonymous() gives 1 TiB of shared memory",
      "MmapRegion.anonymous() of shared memory throws ENOMEM for too much",
      "MmapRegion.resize() of shared memory takes no memory before it is touched",
      "reserve takes addresses and no memory",
    ],
  },
  {
    reason: "a file gets zeros on Windows, and no holes",
    tests: ["MmapRegion.discard() gives the blocks of a file back and keeps its size"],
  },
  {
    reason: "Windows has no modes",
    tests: [
      "MmapRegion.open() with mode gives the permissions of a new file",
      "MmapRegion.open() with mode leaves the permissions of an old file",
    ],
  },
  {
    reason: "Wine cannot reserve blocks",
    tests: ["MmapRegion.open() reserves the blocks of what it adds"],
  },
  {
    reason: "a log keeps its room on Windows, as it is mapped twice",
    tests: [
      "AppendLog.open() cuts off a torn end of a log that is too long to be looked through",
      "AppendLog.open() finds what an earlier one appended, and goes on behind it",
    ],
  },
  {
    reason: "Wine tells no path of more than 260 characters",
    tests: ['MmapRegion.open() finds "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"'],
  },
  {
    reason: "the test gives up its rights as Unix does",
    tests: [
      "MmapRegion.open() throws PermissionDenied without a right to the directory",
      "MmapRegion.open() throws PermissionDenied without a right to the file",
    ],
  },
  {
    reason: "Windows has no user numbers",
    tests: ["MmapRegion.list() describes each object, in the order of the names"],
  },
  {
    reason: "a name goes with its creator on Windows",
    tests: [
      "MmapRegion.named() with create gives all who race for it the same object",
      "MmapRegion.reap() removes what a killed creator left, and says so",
      "a killed creator's memory stays with who maps it, also when its name is reaped",
    ],
  },
  {
    reason: "a file that is open keeps its name on Windows",
    tests: [
      "MmapRegion.attach() finds a file at whose path is",
      "MmapRegion.attach() finds a file whose directory became a file or a socket",
      "MmapRegion.attach() refuses another file at the path",
    ],
  },
  {
    reason: "start times on Windows need no boot",
    tests: ["MmapRegion.attach() refuses another process of the same number, and another boot"],
  },
  {
    reason: "the memory itself knows its owner on Windows",
    tests: ["MmapRegion.named() with createNew throws AlreadyExists and leaves it alone"],
  },
  {
    reason:
      "they call the handler or make its table in the way of POSIX; windows_test.ts does it here",
    files: [
      "tests/guard/absorb_test.ts",
      "tests/guard/addresses_test.ts",
      "tests/guard/foreign_handler_test.ts",
      "tests/guard/install_poor_test.ts",
      "tests/guard/install_test.ts",
      "tests/guard/table_test.ts",
      "tests/guard/table_threads_test.ts",
    ],
  },
  {
    reason: "Windows has no limits of resources, no mounts and no namespaces",
    files: [
      "tests/safety/appended_test.ts",
      "tests/safety/data_limit_test.ts",
      "tests/safety/full_disk_test.ts",
      "tests/safety/holes_test.ts",
      "tests/safety/size_limit_test.ts",
      "tests/safety/without_proc_test.ts",
    ],
    tests: ["resize() changes nothing where it cannot leave used memory to its users"],
  },
  {
    reason: "buffers do not tell on Windows when their last holder is gone",
    files: ["tests/safety/consumers_test.ts", "tests/safety/worker_ends_test.ts"],
  },
  {
    reason: "they use sharedBuffer() or wasmMemory(), which Windows cannot have",
    files: ["tests/safety/close_under_reader_test.ts", "tests/safety/flush_closed_test.ts"],
    tests: [
      "primitives whose page is lost: shared buffers, also in a Worker",
      "MmapRegion absorbs a write to missing pages of a read-only region's sharedBuffer()",
      "MmapRegion survives faults in WebAssembly code over wasmMemory() and in its buffer",
      "MmapRegion.tryRead() and tryWrite() take every kind of Uint8Array, and nothing beyond it",
    ],
  },
  {
    reason: "they call functions of libc, which Windows does not have",
    files: ["tests/safety/anywhere_test.ts"],
    tests: [
      "beyond_the_file.ts opens no region beyond its file, and survives truncation",
      "errors.ts names the error, the call and the class of each failure",
      "posix_shared_memory.ts is found by its name until its owner closes it",
      "munmap_address.ts fails with a moved address, and a region cannot",
      "raw_mmap.ts calls mmap and munmap with each of their parameters",
      "MmapRegion.repair() heals a region that was made with MAP_FIXED_NOREPLACE",
      "a read of a foreign map of a truncated file ends the process",
      "a read right behind an open region ends the process",
      "a write to a foreign read-only page ends the process",
      "native code that comes too late meets zeros, and takes no more than some MiB",
    ],
  },
  {
    reason: "Windows has no signals that a process sends",
    tests: [
      "SIGBUS that another process sends ends the process",
      "SIGSEGV that another process sends ends the process",
    ],
  },
  {
    reason: "Python is not there under Wine",
    tests: ["MmapRegion lives where Python's mmap dies of the same truncation"],
  },
  {
    reason: "Windows maps no devices",
    tests: [
      "MmapRegion.open() of /dev/zero gives anonymous memory",
      "dev_zero.ts gets zeroed memory that is nobody else's",
    ],
  },
  {
    reason:
      "Wine puts zeros where a view comes before it maps the file there; Windows has one step",
    tests: ["the guard of Windows replaces pages under readers, who see no wrong byte"],
  },
];
