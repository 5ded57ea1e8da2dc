/** What /proc shows about other processes: their mappings, their commands, and what they sleep on. */

import { isSystemError } from "../../../ffi/call.ts";
import { libc } from "../../../ffi/libc.ts";
import { addressOf, type Range, withAddressOf } from "../../../ffi/memory.ts";
import { listDirectory, readLink, readProc } from "../../../ffi/proc.ts";
import { statusOfEntry, statusOfPath } from "../../../ffi/status.ts";
import type { MappingPlace, ObservingSystem, SeenMapping, Sleeper } from "../observing_system.ts";
import { hasOwnProc } from "./processes.ts";

/** Undefined where /proc is missing, or shows another PID namespace. */
export function observe(): ObservingSystem | undefined {
  return hasOwnProc() ? observing : undefined;
}

const observing: ObservingSystem = {
  mappings: () => processes().flatMap((pid) => mappingsOf(pid)),
  ownProcesses: () => {
    const self = statusOfEntry("/proc/self/").uid;
    return processes().filter((pid) => tell(() => statusOfEntry(`/proc/${pid}`).uid) === self);
  },
  commandOf,
  threadsOf: (pid) => tell(() => listDirectory(`/proc/${pid}/task`).map(Number)) ?? [],
  sleepers,
  objectAt,
  wayTo: (mapping) => {
    const path = pathTo(mapping);
    return path === undefined ? undefined : { path };
  },
  lockerOf,
};

/** Undefined if /proc does not tell: the process is gone, or hidden from this user. */
function tell<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

function processes(): number[] {
  return listDirectory("/proc").map(Number).filter((pid) => pid > 0).sort((a, b) => a - b);
}

/** "7f0000000000-7f0000001000 rw-s 00000000 00:01 1234    /memfd:label (deleted)" */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) ..(.)(.) ([0-9a-f]+) ([0-9a-f:]+) ([1-9]\d*) *(.*)$/gm;

/** A mapping, with its addresses. */
type PlacedMapping = SeenMapping & { readonly place: MappingPlace };

function mappingsOf(pid: number | "self"): PlacedMapping[] {
  const text = tell(() => readProc(`/proc/${pid}/maps`)) ?? "";
  return [...text.matchAll(MAPPING)].map((
    [, start, end, , sharing, offset, device, inode, path],
  ) => ({
    pid: pid === "self" ? Deno.pid : pid,
    place: {
      start: parseInt(start!, 16),
      end: parseInt(end!, 16),
      byteOffset: parseInt(offset!, 16),
    },
    object: `${device}:${inode}`,
    path: path!.replaceAll("\\012", "\n"),
    shared: sharing === "s",
  }));
}

/** A zombie has none. */
function commandOf(pid: number): string | null {
  const words = tell(() => readProc(`/proc/${pid}/cmdline`))?.split("\0") ?? [];
  return words.join(" ").trim() || null;
}

/**
 * By the device and inode as /proc/PID/maps has them, which on some file systems are not those that
 * a call tells.
 */
function objectAt({ pointer, byteLength }: Range): string | undefined {
  const start = Number(addressOf(pointer));
  const end = start + byteLength;
  return mappingsOf("self").find(({ place }) => place.start < end && place.end > start)?.object;
}

function pathTo({ pid, object, path }: SeenMapping): string | undefined {
  const inode = object.slice(object.lastIndexOf(":") + 1);
  const leadsThere = (candidate: string): boolean => {
    const status = tell(() => statusOfPath(candidate));
    return status?.type === "file" && status.inode === inode;
  };
  if (path.startsWith("/") && leadsThere(path)) return path;
  const directory = `/proc/${pid}/fd`;
  const descriptors = tell(() => listDirectory(directory)) ?? [];
  return descriptors.map((fd) => `${directory}/${fd}`).find((candidate) =>
    tell(() => readLink(candidate)) === path && leadsThere(candidate)
  );
}

/** "1: FLOCK  ADVISORY  WRITE 4120 08:01:131 0 EOF"; the process is 0 in another namespace. */
function lockerOf(object: string): number | null | undefined {
  const lines = tell(() => readProc("/proc/locks"))?.split("\n") ?? [];
  const fields = lines.map((line) => line.trim().split(/ +/)).find((fields) =>
    fields[1] === "FLOCK" && fields[3] === "WRITE" && fields[5] === object
  );
  return fields === undefined ? undefined : Number(fields[4]) || null;
}

/** Numbers of system calls. */
const FUTEX = Deno.build.arch === "x86_64" ? 202 : 98;
const FUTEX_WAITV = 449;
/** The commands of `futex` that wait for a word, without the flags beside them. */
const WAITS = [0, 9];
const COMMAND_MASK = 0x7f;

/** struct futex_waitv: 0 u64 val, 8 u64 uaddr, 16 u32 flags, 20 u32 reserved. */
const WAITER_BYTE_LENGTH = 24;
const MOST_WAITERS = 128;

function sleepers(pid: number, mappings: readonly SeenMapping[]): Sleeper[] | undefined {
  const own = mappings.filter((mapping) => mapping.pid === pid && mapping.shared);
  const found: Sleeper[] = [];
  for (const tid of observing.threadsOf(pid)) {
    const call = callOf(pid, tid);
    if (call === undefined) return undefined;
    for (const address of addressesOf(pid, call)) {
      for (const { object, place } of own) {
        if (place === undefined || address < place.start || address >= place.end) continue;
        found.push({ pid, tid, object, byteOffset: place.byteOffset + address - place.start });
      }
    }
  }
  return found;
}

/** The call that a thread is in; "" if it is in none or gone; undefined if that is hidden. */
function callOf(pid: number, tid: number): string | undefined {
  try {
    return readProc(`/proc/${pid}/task/${tid}/syscall`);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    // It has ended meanwhile, or this kernel does not tell of calls.
    const isGone = ["ENOENT", "ESRCH"].includes(error.code);
    return isGone && tell(() => readProc("/proc/self/syscall")) !== undefined ? "" : undefined;
  }
}

/** "202 0x7f727f73a080 0x0 0x80007852 ...": the call and its arguments. */
function addressesOf(pid: number, call: string): number[] {
  const [number, first, second] = call.split(" ").map(Number);
  if (number === FUTEX) return WAITS.includes(second! & COMMAND_MASK) ? [first!] : [];
  if (number !== FUTEX_WAITV) return [];
  const waiters = new BigUint64Array(
    Math.min(second!, MOST_WAITERS) * WAITER_BYTE_LENGTH / 8,
  );
  if (!copyFrom(pid, first!, new Uint8Array(waiters.buffer))) return [];
  return Array.from({ length: waiters.length / 3 }, (_, i) => Number(waiters[3 * i + 1]));
}

/** Copies memory of another process. @returns whether all of it was there */
function copyFrom(pid: number, address: number, target: Uint8Array<ArrayBuffer>): boolean {
  const { length } = target;
  return withAddressOf(target, (start) => {
    const local = BigUint64Array.of(start, BigInt(length));
    const remote = BigUint64Array.of(BigInt(address), BigInt(length));
    const [from, to] = [remote, local].map(({ buffer }) => new Uint8Array(buffer as ArrayBuffer));
    return libc().process_vm_readv?.(pid, to!, 1n, from!, 1n, 0n) === BigInt(length);
  });
}
