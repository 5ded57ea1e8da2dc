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
      "MmapRegion of /dev/zero keeps a page that got a stray write under protect(",
      "MmapRegion of /dev/zero with access read absorbs stray writes",
      "handle() throws NotSupported for a device",
    ],
  },
  {
    reason: "macOS has no memfd, no seals and no files of huge pages",
    tests: [
      "MmapRegion of a file of huge pages",
      "MmapRegion.attach() gets no more from a forged handle than the object allows",
      "MmapRegion attached to sealed memory absorbs stray writes, its peer sees none of them",
      "MmapRegion.discard() zeroes memory that is sealed",
      "MmapRegion.fromFd() maps memory that a memfd or a removed file holds",
      "MmapRegion.resize() throws PermissionDenied EPERM if the size is sealed",
      "receiveRegion() grants what the handle grants, and maps as its options say",
    ],
  },
  {
    reason: "shared memory of macOS has the room that its maker asked for with `reserve`",
    tests: [
      "MmapRegion.bytes is one object until the region is resized",
      "MmapRegion.resize() of anonymous shared memory grows",
      "MmapRegion.resize() of anonymous shared memory leaves old views dead",
      "MmapRegion.resize() of anonymous shared memory works after a partial protect()",
      "MmapRegion.resize() of anonymous shared memory works without mremap",
      "MmapRegion.resize() of shared memory takes no memory before it is touched",
      "Once.run() may grow its region, which moves it",
      "Records of a resized region throw TypeError, at every access",
      "a closed SharedMap throws BadResource, and leaves the region of its user open",
      "a guard is good after its region was moved",
      "a guard whose words were cut off gives back nothing that is somebody else's",
      "Barrier follows a region that is resized",
      "Condition follows a region that is resized",
      "Futex follows a region that is resized",
      "Mutex follows a region that is resized",
      "Once follows a region that is resized",
      "RwLock follows a region that is resized",
      "Semaphore follows a region that is resized",
      "SharedEvent follows a region that is resized",
      "reserve ends where it says: then the region moves and its views die",
    ],
  },
  {
    reason: "buffers of macOS do not tell when their last holder is gone",
    tests: [
      "a forgotten region whose buffer was transferred lives as long as the thief has its memory",
      "resize() changes nothing where it cannot leave used memory to its users",
    ],
  },
  {
    reason: "no file locks tell on macOS that a living process has given a lock up",
    tests: [
      "channels whose page is lost: a broadcast has another writer, and the old one again after repair",
      "channels whose page is lost: closing leaves it to others",
      "channels whose page is lost: others learn of it as of a death, and repair heals",
      "channels whose page is lost: slots and peeked messages are given up",
      "collections whose page is lost: a map that a change was lost in is repaired by the next one",
      "collections whose page is lost: an array gives its lock up, and goes on after repair",
      "primitives whose page is lost: unlocking is what loses it",
      "primitives whose page is lost: what was held is given up",
      "primitives whose page is lost: what was lost and healed between two calls is given up",
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
    reason: "macOS has no leases",
    files: ["tests/region/lease_test.ts"],
  },
  {
    reason: "the test looks for Linux's own call, or counts its objects in /proc",
    tests: [
      "AppendLog.append() makes a system call only if somebody sleeps",
      "Futex.wait() parks one call for a thousand words",
      'MmapRegion.advise() with "dont-need" gives a private change up for the file',
      "MmapRegion.discard() throws the system error of a hole that fails",
      "MmapRegion.stats() counts the pages that were touched",
      "MmapRegion.stats() tells what other processes map too",
      "a path of 107 bytes is not too long",
      "a process ends although a Worker was terminated that waits",
      "a program ends with Deno.exit() while a wait is parked",
      "passing a region leaves no descriptor behind",
      "receiveRegion() throws RangeError if the object is shorter than the handle says",
      "receiveRegion() throws TypeError if the message is no handle, or another one's",
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
];
