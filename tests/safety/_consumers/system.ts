/** What other processes and threads do. */

/** Shortens a file, by a process that is not this one. */
export function truncateElsewhere(path: string, byteLength: number): void {
  const { success } = new Deno.Command("truncate", {
    args: ["-s", `${byteLength}`, path],
    stderr: "inherit",
  }).outputSync();
  if (!success) throw new Error(`truncate failed`);
}

/** What each other thread of this process says in one file of its own. */
function* ofOtherThreads(file: string): Generator<string> {
  const self = Deno.readLinkSync("/proc/thread-self").split("/").at(-1);
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    if (name === self) continue;
    try {
      yield Deno.readTextFileSync(`/proc/self/task/${name}/${file}`);
    } catch {
      // It has ended, or may not be looked at.
    }
  }
}

/** How long the other threads have run, in nanoseconds. */
export function otherThreadsRan(): number {
  let sum = 0;
  for (const line of ofOtherThreads("schedstat")) sum += Number(line.split(" ")[0]);
  return sum;
}

/** Whether another thread is in a system call with an address in these bytes. */
export function isInKernel({ start, byteLength }: AddressRange): boolean {
  for (const line of ofOtherThreads("syscall")) {
    const [call, ...args] = line.trim().split(" ");
    if (!/^\d+$/.test(call!)) continue; // "running"
    const inside = (arg: string) => BigInt(arg) - start >= 0n && BigInt(arg) - start < byteLength;
    if (args.slice(0, 6).some(inside)) return true;
  }
  return false;
}

/** Where bytes lie; without holding them. */
export interface AddressRange {
  readonly start: bigint;
  readonly byteLength: number;
}

export function addressRangeOf(bytes: Uint8Array<ArrayBuffer>): AddressRange {
  const start = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
  return { start, byteLength: bytes.byteLength };
}
