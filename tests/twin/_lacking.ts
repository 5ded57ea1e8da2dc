/** Calls that libSystem does not have, and glibc has. */
export const LACKING: readonly string[] = [
  "mremap",
  "posix_fallocate",
  "fallocate",
  "statx",
  "memfd_create",
  "prctl",
  "process_vm_readv",
  "memrchr",
  "accept4",
  "dup3",
  "pwritev2",
  "sigtimedwait",
  "__cxa_thread_atexit_impl",
  "gettid",
];
