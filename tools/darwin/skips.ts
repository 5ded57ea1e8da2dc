/** The tests that cannot run on the Darwin twin, and why. What is wrong with the module stays a failure. */

import type { Skip } from "../_skips.ts";

export const SKIPS: readonly Skip[] = [
  {
    reason: "Deno itself runs on Linux there, with Linux's errors",
    tests: ["open() fails as Deno.openSync() does: same class, code and message"],
  },
  {
    reason: "macOS has no memfd, no seals and no files of huge pages",
    tests: [
      "MmapRegion.wasmMemory() of memory that others have sealed leaves it as it is",
      "MmapRegion.wasmMemory() of write-sealed memory is its creator's to write",
      "receiveRegion() grants what the handle grants, and maps as its options say",
    ],
  },
  {
    reason: "shared memory of macOS has the room that its maker asked for with `reserve`",
    tests: [
      "MmapRegion.refresh() follows another process's resize()",
      "MmapRegion.resize() throws Busy while a word is waited for",
      "Once.run() may grow its region, which moves it",
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
  {
    reason: "macOS maps no devices, and has no seals",
    tests: [
      "MmapRegion attached to sealed memory absorbs stray writes, its peer sees none of them",
      "MmapRegion of /dev/zero keeps a page that got a stray write under protect(",
      "MmapRegion of /dev/zero with access read absorbs stray writes",
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
];
