/** What the processes of job_queue.ts send each other, and what they have in shared memory. */
import { struct, u32 } from "@mmap/mmap/struct";

/** A job. */
export const Job = struct({ id: u32 });
/** What came of it. */
export const Result = struct({ id: u32, square: u32 });
/** The job that a worker is at, if `taken` is 1: it is set last. */
export const Slot = struct({ id: u32, taken: u32 });
