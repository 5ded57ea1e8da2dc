/** Clocks that `performance` lacks. */

const libc = Deno.dlopen("libc.so.6", {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});

const CLOCK_MONOTONIC = 1;
const CLOCK_THREAD_CPUTIME_ID = 3;

const time = new Int32Array(4); // struct timespec: two 64-bit numbers, both below 2^31 here
const timeBytes = new Uint8Array(time.buffer);

/** The time since the boot, in nanoseconds; performance.now counts from the start of the process. */
export function monotonicNanoseconds(): number {
  return read(CLOCK_MONOTONIC);
}

/** The processor time of this thread, in nanoseconds: what other programs take does not count. */
export function threadNanoseconds(): number {
  return read(CLOCK_THREAD_CPUTIME_ID);
}

function read(clock: number): number {
  libc.symbols.clock_gettime(clock, timeBytes);
  return time[0]! * 1e9 + time[2]!;
}
