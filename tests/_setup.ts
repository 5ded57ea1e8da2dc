/** Loads libc outside any test, so that the resource sanitizer does not count it as a leak. */
import { _SC_PAGESIZE, sysconf } from "@mmap/mmap/libc";

sysconf(_SC_PAGESIZE);
