/** The tests that cannot run in the emulator, and why. Faults of the module stay failures. */

import type { Skip } from "../_skips.ts";

export const SKIPS: readonly Skip[] = [
  {
    reason: "about the project, not the machine",
    files: ["tests/consumer/", "tests/readme_test.ts", "tests/tools/"],
  },
  {
    reason: "Deno.execPath() is a script there, which can be opened for writing",
    tests: ["open() throws TypeError EINVAL, ENXIO and ETXTBSY"],
  },
  {
    reason: "gcc compiles for the other machine",
    tests: ["constants_linux has the values of this machine's headers"],
  },
  {
    reason: "qemu-user 7.2 swallows the errors of madvise",
    tests: [
      "madvise() of libc returns -1",
      "madvise() throws TypeError EINVAL, ENOMEM and EFAULT",
      "msync(), madvise(), fsync(), poll() and futex_waitv() of libc return -1",
      "MmapRegion.repair() of copy-on-write memory keeps the other private changes",
      "MmapRegion.repair() and resize() heal without /proc",
    ],
  },
  {
    reason: "qemu-user 7.2 looks at the buffers or the length first, and gives another errno",
    tests: [
      "checkPointer() lets an address pass and throws errno for MAP_FAILED",
      "mremap() throws TypeError EINVAL, and ENOMEM where it may not move",
      "readInto() of libc returns -1",
      "recvmsg() of libc returns -1",
      "sendmsg() of libc returns -1",
      "writeFrom() of libc returns -1",
    ],
  },
  {
    reason: "qemu-user 7.2 has no futex_waitv, process_vm_readv and process_vm_writev",
    files: ["tests/wait/waiter_calls_test.ts"],
    tests: [
      "Futex.wait() parks one call for a thousand words",
      "a program ends by itself when its waits have ended",
      "a program ends with Deno.exit() while a wait is parked",
      "a process ends although a Worker was terminated that waits",
      "futexWaitv() of libc returns -1",
      "process_vm_readv() of libc returns -1",
      "process_vm_writev() of libc returns -1",
    ],
  },
  {
    reason: "qemu-user 7.2 does not know MAP_FIXED_NOREPLACE and MAP_SHARED_VALIDATE",
    tests: [
      "mmap() passes MAP_DENYWRITE and the other flags without effect on",
      "mmap() with MAP_FIXED_NOREPLACE throws AlreadyExists",
    ],
  },
  {
    reason: "qemu-user 7.2 ignores MAP_POPULATE",
    tests: ["MmapRegion.anonymous() with populate faults"],
  },
  {
    reason: "qemu-user 7.2 cannot duplicate a mapping by mremap() of length 0",
    tests: ["A fault dies that lies where a terminated Worker's sharedBuffer() was"],
  },
  {
    reason: "qemu-user 7.2 has no prctl(PR_SET_MDWE)",
    tests: ["MmapRegion works without a guard where the kernel denies executable memory"],
  },
];
