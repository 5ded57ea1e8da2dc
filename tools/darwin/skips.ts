/** The tests that cannot run on the Darwin twin, and why. What is wrong with the module stays a failure. */

import type { Skip } from "../_skips.ts";

export const SKIPS: readonly Skip[] = [
  {
    reason: "Deno itself runs on Linux there, with Linux's errors",
    tests: ["open() fails as Deno.openSync() does: same class, code and message"],
  },
  {
    reason: "the numbers and errors in the test are Linux's",
    tests: [
      "MmapRegion.fromFd() cannot map directories, pipes, sockets and /dev/null",
      "MmapRegion.open() cannot map a FIFO and does not wait for its other end",
      "MmapRegion.open() cannot map a directory",
      "checkPointer() lets an address pass and throws errno for MAP_FAILED",
      "dlsym() of libc returns NULL for a symbol that is not there",
      "mincore() throws TypeError EINVAL for an address inside a page",
      "mlock(), munlock() and mincore() throw ENOMEM where nothing is mapped",
      "mmap() throws ENODEV for a directory",
      "retryInterrupted() does not repeat any other failure",
      "shm_open() makes an object of that mode",
    ],
  },
  {
    reason: "macOS maps no devices",
    tests: [
      "JSON.stringify() gives null for a MmapRegion without a handle",
      "MmapRegion of a block device",
      "MmapRegion.open() of /dev/zero gives anonymous memory",
      "MmapRegion.resize() throws NotSupported for a device and keeps its memory",
      "MmapRegion.sharedBuffer() and wasmMemory() throw NotSupported for a device",
      "handle() throws NotSupported for a device",
    ],
  },
  {
    reason: "macOS has no memfd, no seals and no files of huge pages",
    tests: [
      "MmapRegion of a file of huge pages",
      "MmapRegion.attach() gets no more from a forged handle than the object allows",
      "MmapRegion.discard() zeroes memory that is sealed",
      "MmapRegion.fromFd() maps memory that a memfd or a removed file holds",
      "MmapRegion.resize() throws PermissionDenied EPERM if the size is sealed",
      "MmapRegion.wasmMemory() of memory that others have sealed leaves it as it is",
      "MmapRegion.wasmMemory() of write-sealed memory is its creator's to write",
      "receiveRegion() grants what the handle grants, and maps as its options say",
    ],
  },
  {
    reason: "shared memory of macOS has the room that its maker asked for with `reserve`",
    tests: [
      "MmapRegion.bytes is one object until the region is resized",
      "MmapRegion.refresh() follows another process's resize()",
      "MmapRegion.resize() of anonymous shared memory grows",
      "MmapRegion.resize() of anonymous shared memory leaves old views dead",
      "MmapRegion.resize() of anonymous shared memory works after a partial protect()",
      "MmapRegion.resize() of anonymous shared memory works without mremap",
      "MmapRegion.resize() of shared memory takes no memory before it is touched",
      "MmapRegion.resize() throws Busy while a word is waited for",
      "Once.run() may grow its region, which moves it",
      "Records of a resized region throw TypeError, at every access",
      "a closed SharedMap throws BadResource, and leaves the region of its user open",
      "a guard is good after its region was moved",
      "a guard whose words were cut off gives back nothing that is somebody else's",
      "Barrier follows a region that is resized",
      "Channel follows its region when that is resized",
      "Condition follows a region that is resized",
      "Futex follows a region that is resized",
      "Mutex follows a region that is resized",
      "Once follows a region that is resized",
      "RwLock follows a region that is resized",
      "Semaphore follows a region that is resized",
      "SharedEvent follows a region that is resized",
      "Slot.commit() sends all of it if the region was resized meanwhile",
      "reserve ends where it says: then the region moves and its views die",
    ],
  },
  {
    reason: "the test looks for Linux's own call, or counts its objects in /proc",
    tests: [
      'MmapRegion.advise() with "dont-need" gives a private change up for the file',
      "MmapRegion.discard() throws the system error of a hole that fails",
    ],
  },
  {
    reason: "the call that fails has another name or error on macOS",
    tests: [
      "MmapRegion.open() leaves nothing of an impossible size",
      "MmapRegion.open() with allocate false keeps a file that cannot be extended",
      "MmapRegion.open() with allocate false removes a new file that cannot be extended",
      "MmapRegion.open() with allocate true keeps a file that cannot be extended",
      "MmapRegion.open() with allocate true removes a new file that cannot be extended",
      "MmapRegion.open() with truncate keeps the file if its pages cannot be locked",
      "MmapRegion.resize() keeps the region if the file cannot be extended",
      "flushOffThread() tells EIO of a call that failed",
    ],
  },
  {
    reason: "macOS knows no umask for shared memory",
    tests: ["MmapRegion.named() gives an object its mode, less the umask"],
  },
  {
    reason:
      "shared memory of macOS takes its pages as they are touched, and is never full by itself",
    tests: [
      "Broadcast.create() reserves what it takes of memory without a file",
      "Channel.create() reserves what it takes of memory without a file",
      "Channel.over() reserves what it takes of memory without a file",
      "Latest.create() reserves what it takes of memory without a file",
      "MmapRegion.named() reserves its memory, or throws ENOSPC and leaves nothing",
      "SharedArray.open() reserves what it takes of memory without a file",
      "SharedMap.open() reserves what it takes of memory without a file",
      "a server and each of its clients reserve their memory",
      "spawnWithChannel() reserves the channel",
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
    reason: "macOS has no /proc: a descriptor is no path there, and memory shows no label",
    tests: [
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
    reason: "the numbers of threads that the test looks at are Linux's",
    tests: ["where there are no such locks, threads are known by number, time and namespaces"],
  },
];
