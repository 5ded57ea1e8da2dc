/** The tests that cannot run on the Darwin twin, and why. What is wrong with the module stays a failure. */

import type { Skip } from "../_skips.ts";

export const SKIPS: readonly Skip[] = [
  {
    reason: "Deno itself runs on Linux there, with Linux's errors",
    tests: ["open() fails as Deno.openSync() does: same class, code and message"],
  },
  {
    reason: "macOS maps no devices",
    tests: [
      "MmapRegion of a block device",
    ],
  },
  {
    reason: "macOS has no memfd, no seals and no files of huge pages",
    tests: [
      "MmapRegion attached to sealed memory absorbs stray writes, its peer sees none of them",
      "MmapRegion of a file of huge pages",
      "MmapRegion.anonymous() with seal write",
      "MmapRegion.attach() gets no more from a forged handle",
      "MmapRegion.attach() to write-sealed memory",
      "MmapRegion.discard() zeroes memory that is sealed",
      "MmapRegion.fromFd() maps memory that a memfd holds",
      "MmapRegion.fromFd() throws NotSupported for memory of memfd_secret",
      "MmapRegion.open() and attach() cannot reach a secret",
      "MmapRegion.resize() within `reserve` leaves the object alone",
      "MmapRegion.wasmMemory() of memory that others have sealed leaves it as it is",
      "MmapRegion.wasmMemory() of write-sealed memory is its creator's to write",
      "ftruncate() throws PermissionDenied EPERM where a seal forbids it",
      "memfd_create()",
      "mmap() throws PermissionDenied EPERM for a shared writable mapping of a sealed memfd",
      "receiveRegion() grants what the handle grants, and maps as its options say",
      "receiveRegion() throws NotSupported for memory of memfd_secret",
    ],
  },
  {
    reason: "shared memory of macOS has the room that its maker asked for with `reserve`",
    tests: [
      "MmapRegion.refresh() follows another process's resize()",
      "MmapRegion.resize() throws Busy while a word is waited for",
      "reserve ends where it says: then the region moves and its views die",
    ],
  },
  {
    reason: "buffers of macOS do not tell when their last holder is gone",
    tests: [
      "consumers of bytes (",
      "resize() changes nothing where it cannot leave used memory to its users",
    ],
  },
  {
    reason: "the test takes /proc away, and the model of macOS with it",
    tests: [
      "MmapRegion works where operations of Deno cannot keep its memory",
      "MmapRegion.repair() and resize() heal without /proc, and stats() says that it is missing",
    ],
  },
  {
    reason:
      "the tests are about Linux's paths in /proc, its seals, its calls, or growing shared memory",
    files: [
      "tests/safety/appended_test.ts",
      "tests/safety/permissions_test.ts",
      "tests/safety/sealed_test.ts",
      "tests/safety/size_limit_test.ts",
      "tests/safety/worker_ends_test.ts",
    ],
  },
  {
    reason:
      "shared memory of macOS takes its pages as they are touched, and is never full by itself",
    files: ["tests/channel/reserved_test.ts", "tests/sharing/full_memory_test.ts"],
  },
  {
    reason: "macOS has no such memory",
    files: [
      "tests/region/huge_files_test.ts",
      "tests/region/secret_test.ts",
    ],
  },
  {
    reason: "the headers for C wait by Linux's futexes",
    files: ["tests/channel/queue/c_peer_test.ts", "tests/sync/c_interop_test.ts"],
  },
  {
    reason: "other programs run on the Linux below, and see no shared memory of macOS",
    tests: [
      "C shares memory that it has made with all others",
      "Node shares memory that it has made with all others",
      "Python mmap shares memory that it has made with all others",
      "Python shared_memory shares memory that it has made with all others",
      "a child of a C program maps the descriptor that it inherited",
      "a region maps what numpy has written to a file",
      "a region outlives the name that Python's resource tracker removes",
      "no attacher of this module removes Python's shared memory",
      "numpy.ts lets numpy calculate on its memory",
      "talk.ts shares memory with",
      "what the table calls impossible does not work",
    ],
  },
  {
    reason:
      "macOS has neither /proc nor /dev/shm: descriptors and names are no paths, memory has no label",
    tests: [
      "MmapRegion.anonymous() shows the label",
      "MmapRegion.named() and unlink() leave alone what a symbolic link leads to",
      "MmapRegion.open() maps another process's descriptor by /proc/PID/fd",
      "Server and Client leave no descriptor and no mapping behind",
      "a child maps a descriptor that it inherited",
      "no region's descriptor reaches a child by itself",
      "the label of anonymous memory is seen in /proc/self/maps",
    ],
  },
  {
    reason: "the list of shared memory is in a folder of the user's own",
    tests: [
      "MmapRegion.reap() believes no owner file of another user",
      "MmapRegion.reap() does not believe an owner file of another name",
    ],
  },
  {
    reason: "a Worker's regions that nobody closed end with the process on macOS",
    tests: ["a Worker's descriptors for locks are used again, and end with its thread"],
  },
  {
    reason: "on ext4, the model keeps what it found before a preallocation failed",
    tests: [
      "AppendLog.append() throws ENOSPC on a full disk and loses nothing (ext4",
      "SharedMap.resize() throws ENOSPC on a full disk and changes nothing (ext4",
    ],
  },
  {
    reason: "macOS cannot reserve the holes of a file",
    tests: [
      "layOut().create() leaves no hole in its file",
      "opening a sparse channel or collection to write reserves it",
    ],
  },
  {
    reason: "the limits that the test sets or meets are those of Linux's kernel",
    tests: [
      "MmapRegion absorbs a missing page without RLIMIT_DATA, and repair() heals it",
      "MmapRegion absorbs a stray write without RLIMIT_DATA",
      "MmapRegion keeps what pages hold where process_vm_readv is forbidden",
      "MmapRegion leaves nothing behind after",
      "MmapRegion of private memory absorbs a stray write without RLIMIT_DATA, and discards it",
      "MmapRegion.open() with MAP_LOCKED throws EAGAIN beyond the limit",
      "MmapRegion.open() with allocate finds out that tmpfs is too small",
      "MmapRegion.protect() throws ENOMEM beyond the number of mappings",
      "a Mutex does not go on alone where a stray write made all of its region a copy",
      "sharedBuffer() absorbs a missing page without RLIMIT_DATA, and repair() heals it",
    ],
  },
  {
    reason: "the numbers of threads that the test looks at are Linux's",
    tests: ["where there are no such locks, threads are known by number, time and namespaces"],
  },
  {
    reason: "the call, flag or advice that the test is about is Linux's",
    tests: [
      'MmapRegion.advise() with "page-out"',
      "MmapRegion.fromFd() throws EBADF for a descriptor that is only a path",
      "MmapRegion.lock() keeps pages that advise() would drop",
      "MmapRegion.named() of another user is refused",
      "MmapRegion.open() with MAP_FIXED_NOREPLACE throws if the address is taken",
      "MmapRegion.populateSync() and populate() copy private pages around",
      "MmapRegion.populateSync() works on a kernel that has no MADV_POPULATE",
      "constants_linux has the values of this machine's headers",
      "errnoName() and errnoText() say what libc says",
      "errnoName() knows every number",
      "madvise() throws TypeError EINVAL inside a page",
      "mmap() passes MAP_DENYWRITE",
      "mmap() with MAP_FIXED_NOREPLACE",
      "mremap()",
      "open() throws ETXTBSY",
    ],
  },
  {
    reason: "it is about Apple silicon: --arch=arm64 runs it",
    tests: [
      "MmapRegion.protect() and open() throw NotSupported for writable code on Apple silicon",
    ],
  },
];
