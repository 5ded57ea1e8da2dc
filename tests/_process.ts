/**
 * What a process can do to itself: limits, privileges, signals, and a look at what it holds. Changes
 * are for good, so only children make them.
 */

import type { MmapRegion } from "@mmap/mmap";
import { factOf, platform } from "../ffi/platform.ts";
import { countHandlesLike, handleCount, openFiles, viewsOfFiles } from "./_windows_holdings.ts";

const RESOURCES = factOf({
  linux: { FSIZE: 1, DATA: 2, NOFILE: 7, MEMLOCK: 8, AS: 9 },
  darwin: { FSIZE: 1, DATA: 2, NOFILE: 8, MEMLOCK: 6, AS: 5 },
});

/** Sets a soft limit of this process. @returns what it was */
export function setLimit(resource: keyof typeof RESOURCES, value: number): number {
  const libc = Deno.dlopen(platform().libcName, {
    getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const { getrlimit, setrlimit } = libc.symbols;
  const limit = new BigUint64Array(2); // struct rlimit: rlim_cur, rlim_max
  getrlimit(RESOURCES[resource], limit);
  const old = Number(limit[0]);
  limit[0] = BigInt(value);
  if (setrlimit(RESOURCES[resource], limit) !== 0) throw new Error("setrlimit failed");
  return old;
}

/** From now on the process is nobody, in all of its threads, if it was root. */
export function dropPrivileges(): void {
  if (Deno.uid() !== 0) return;
  const libc = Deno.dlopen("libc.so.6", {
    setgroups: { parameters: ["usize", "pointer"], result: "i32" },
    setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
    setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
    prctl: { parameters: ["i32", "u64"], result: "i32" },
  });
  const { setgroups, setresgid, setresuid, prctl } = libc.symbols;
  const nobody = 65534;
  const results = [
    setgroups(0n, null),
    setresgid(nobody, nobody, nobody),
    setresuid(nobody, nobody, nobody),
    prctl(4, 1n), // PR_SET_DUMPABLE, or /proc/self would be root's
  ];
  if (results.some((result) => result !== 0)) throw new Error("Dropping privileges failed");
}

/** The address space that this process uses, in bytes. */
export function addressSpace(): number {
  const pages = Deno.readTextFileSync("/proc/self/statm").split(" ")[0];
  return Number(pages) * 4096;
}

const IS_WINDOWS = Deno.build.os === "windows";

/** Whether processes can be seen in /proc. */
export const HAS_PROC: boolean = !IS_WINDOWS && isThere("/proc/self/maps");

/** Whether a process can see its own descriptors and mappings; on Windows, those of files. */
export const SHOWS_HOLDINGS: boolean = HAS_PROC || IS_WINDOWS;

/** Whether there is something at a path. */
export function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What the open descriptors of this process lead to. Tests that need to see some ask for `proc`. */
export function openDescriptors(): string[] {
  const found: string[] = [];
  for (const { name } of HAS_PROC ? Deno.readDirSync("/proc/self/fd") : []) {
    try {
      found.push(Deno.readLinkSync(`/proc/self/fd/${name}`));
    } catch {
      // The descriptor that read the directory.
    }
  }
  return found;
}

/** How many descriptors of any kind are open. */
export function descriptorCount(): number {
  return IS_WINDOWS ? handleCount() : openDescriptors().length;
}

/**
 * The descriptors that lead to a path or a memfd whose link contains `text`; on Windows, each file at or
 * in that path that is open, once.
 */
export function descriptorsOf(text: string): string[] {
  if (IS_WINDOWS) return openFiles(text);
  return openDescriptors().filter((link) => link.includes(text));
}

/** What the names of mappings and descriptors of anonymous shared memory contain. */
export const MEMORY_NAME: string = factOf({ linux: "/memfd:", darwin: ".mm." });

/** How many descriptors lead to what a region maps. Its label must be its own: tests run side by side. */
export function countDescriptors(region: MmapRegion): number {
  if (IS_WINDOWS) return countHandlesLike(region.handle().fd);
  const link = Deno.readLinkSync(`/proc/self/fd/${region.handle().fd}`);
  return openDescriptors().filter((each) => each === link).length;
}

/** The lines of /proc/self/maps that contain `text`; as for descriptors, none where it is not there. */
export function mapsOf(text: string): string[] {
  if (IS_WINDOWS) return viewsOf(text);
  if (!HAS_PROC) return [];
  return Deno.readTextFileSync("/proc/self/maps").split("\n").filter((line) => line.includes(text));
}

/** The paths of the files mapped, from the drive on, that contain what follows the drive in `path`. */
function viewsOf(path: string): string[] {
  const wanted = path.replace(/^[A-Za-z]:/, "").toLowerCase();
  return viewsOfFiles().map(({ path }) => path)
    .filter((path) => path.toLowerCase().includes(wanted));
}

/** What /proc/self/smaps says of one mapping. */
export interface MappingReport {
  /** Such as "rw-s". */
  readonly rights: string;
  /** The path or the label. */
  readonly name: string;
  /** Such as `["rd", "wr", "lo"]`; see proc_pid_smaps(5). */
  readonly flags: string[];
  /** Sizes such as "Rss", in bytes. */
  readonly sizes: Record<string, number>;
}

/** The report of the mapping that holds an address. */
export function mappingAt(address: bigint): MappingReport {
  for (const block of Deno.readTextFileSync("/proc/self/smaps").split(/\n(?=[0-9a-f]+-)/)) {
    const [head, ...lines] = block.split("\n");
    const [, start, end, rights, name] = head!.match(
      /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/,
    )!;
    if (address < BigInt(`0x${start}`) || address >= BigInt(`0x${end}`)) continue;
    const fields = lines.map((line) => line.split(/:\s*/) as [string, string]);
    const flags = fields.find(([key]) => key === "VmFlags")![1].trim().split(" ");
    const sizes = fields.filter(([, value]) => value?.endsWith(" kB"))
      .map(([key, value]) => [key, parseInt(value) * 1024]);
    return { rights: rights!, name: name!, flags, sizes: Object.fromEntries(sizes) };
  }
  throw new Error(`Nothing is mapped at 0x${address.toString(16)}`);
}
