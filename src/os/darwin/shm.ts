/**
 * Shared memory objects. The kernel gives one its size once, in whole pages, and tells neither which one
 * it is nor when it was made. So this module makes them larger than they seem, and keeps in their last
 * page, which nobody maps, what the kernel does not:
 *
 * | offset | type | what | who writes it |
 * |---|---|---|---|
 * | 0 | i32 | `MAGIC`, once all else is there | the maker |
 * | 4 | i32 | the version of this table | the maker |
 * | 8 | u64[2] | the object's identity: random | the maker |
 * | 24 | u64 | its length, up to where this page begins | who resizes it |
 * | 32 | i32 | 1: it must not get shorter | the maker |
 *
 * Objects of other programs have no such page: they are as long as the kernel says, and all look alike.
 */

import { checkPointer, systemError } from "../../../ffi/call.ts";
import {
  MADV_FREE,
  MAP_SHARED,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
} from "../../../ffi/constants.ts";
import { EPERM, errnoName } from "../../../ffi/errno.ts";
import { close, ftruncate, pageSize, shm_open, shm_unlink } from "../../../ffi/file_calls.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { bufferOver } from "../../../ffi/memory.ts";
import { statusOf } from "../../../ffi/status.ts";
import { alignDown, alignUp } from "../arithmetic.ts";
import { zero } from "../posix/copy.ts";
import type { ObjectStatus, OpenObject } from "../object_system.ts";

const MAGIC = 0x314d4d2e; // ".MM1"
const VERSION = 1;
const VERSION_INDEX = 1;
const ID_INDEX = 1; // in words of 8 bytes, as the next one
const LENGTH_INDEX = 3;
const SEAL_INDEX = 8;

/** What to make. */
interface NewMemory {
  readonly id: bigint;
  readonly byteLength: number;
  readonly capacity: number;
  readonly mode: number;
}

/** @throws {Deno.errors.AlreadyExists} If there is one of that name. */
export function createMemory(name: string, wanted: NewMemory): OpenObject {
  const object = shm_open(`/${name}`, O_RDWR | O_CREAT | O_EXCL, wanted.mode) as OpenObject;
  try {
    const capacity = alignUp(wanted.capacity, pageSize());
    const size = BigInt(capacity) + BigInt(pageSize());
    ftruncate(object, size); // once in an object's life
    withBytes(object, capacity, pageSize(), true, (bytes) => {
      const words = new BigUint64Array(bytes);
      words[ID_INDEX] = wanted.id & 0xffffffffffffffffn;
      words[ID_INDEX + 1] = wanted.id >> 64n;
      words[LENGTH_INDEX] = BigInt(wanted.byteLength);
      const cells = new Int32Array(bytes);
      cells[VERSION_INDEX] = VERSION;
      // Pairs with the load in `readPage`: all of the page is there before the magic is.
      Atomics.store(cells, 0, MAGIC);
    });
    return object;
  } catch (error) {
    close(object);
    shm_unlink(`/${name}`);
    throw error;
  }
}

/** @throws {Deno.errors.NotFound} If there is none of that name. */
export function openMemory(name: string, writable: boolean): OpenObject {
  return shm_open(`/${name}`, writable ? O_RDWR : O_RDONLY) as OpenObject;
}

/** Maps some pages of an object for a moment. */
export function withBytes<T>(
  object: OpenObject,
  byteOffset: number,
  byteLength: number,
  writable: boolean,
  use: (bytes: ArrayBuffer) => T,
): T {
  const protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  const [length, offset] = [BigInt(byteLength), BigInt(byteOffset)];
  const { mmap, munmap } = libc();
  const pointer = checkPointer(
    mmap(null, length, protection, MAP_SHARED, object, offset),
    threadErrno[0]!,
    "mmap",
  );
  try {
    // SAFETY: these pages stay until `use`, which keeps nothing of the buffer, has returned.
    return use(bufferOver({ pointer, byteLength }));
  } finally {
    munmap(pointer, length);
  }
}

/** What this module knows of an object that it made. */
interface Page {
  readonly id: bigint;
  readonly byteLength: number;
  readonly sealed: boolean;
}

/** @param size of the object, as the kernel says it @returns undefined if there is no such page yet */
function readPage(object: OpenObject, size: number): Page | undefined {
  if (size < 2 * pageSize()) return undefined;
  const capacity = size - pageSize();
  return withBytes(object, capacity, pageSize(), false, (bytes) => {
    const cells = new Int32Array(bytes);
    // Pairs with the store in `createMemory`.
    if (Atomics.load(cells, 0) !== MAGIC || cells[VERSION_INDEX] !== VERSION) return undefined;
    const words = new BigUint64Array(bytes);
    const byteLength = Number(Atomics.load(words, LENGTH_INDEX));
    return {
      id: words[ID_INDEX]! | words[ID_INDEX + 1]! << 64n,
      byteLength: Math.min(byteLength, capacity), // whatever others have written there
      sealed: cells[SEAL_INDEX] !== 0,
    };
  });
}

/** Whether a status that the kernel gave is shared memory's: no file has that number. */
export function isMemoryStatus({ type, inode }: ObjectStatus): boolean {
  return type === "file" && inode === "0";
}

/** Whether a status of `statusOfObject` is shared memory's. */
export function isMemoryOf({ device, birthTime }: ObjectStatus): boolean {
  return device === 0 && birthTime === "";
}

/** See `ObjectSystem.status`. */
export function statusOfObject(object: OpenObject): ObjectStatus {
  const told = statusOf(object);
  if (!isMemoryStatus(told)) return told;
  const page = readPage(object, told.byteLength);
  const byteLength = page?.byteLength ?? told.byteLength;
  const inode = String(page?.id ?? 0);
  return { ...told, device: 0, inode, birthTime: "", byteLength, allocated: byteLength };
}

/** Whether an object has all that this module gives to those that it makes. */
export function isReady(object: OpenObject): boolean {
  return readPage(object, statusOf(object).byteLength) !== undefined;
}

/** How long the mappings of an object may be; undefined if it is no shared memory. */
export function roomOf(object: OpenObject): number | undefined {
  const told = statusOf(object);
  if (!isMemoryStatus(told)) return undefined;
  return told.byteLength - (readPage(object, told.byteLength) === undefined ? 0 : pageSize());
}

/** @throws {Deno.errors.NotSupported} If it has not so much room. */
export function checkRoomFor(byteLength: number, room: number): void {
  if (byteLength <= alignUp(room, pageSize())) return;
  throw new Deno.errors.NotSupported(
    `Cannot make shared memory longer than the ${room} bytes that it has room for on macOS: ` +
      `pass reserve: ${byteLength} to whoever makes it`,
  );
}

/**
 * Sets the length of shared memory, whoever else sets it meanwhile. What it loses reads as zeros if it gets
 * longer again.
 *
 * @param lengthAfter the new length, by the present one
 */
export function setLength(object: OpenObject, lengthAfter: (byteLength: number) => number): void {
  const { inode, byteLength } = statusOfObject(object);
  if (inode === "0") checkRoomFor(Infinity, byteLength); // there is no word for it
  const capacity = roomOf(object)!;
  withBytes(object, capacity, pageSize(), true, (bytes) => {
    const words = new BigUint64Array(bytes);
    for (let seen = Atomics.load(words, LENGTH_INDEX);;) {
      const [from, to] = [Number(seen), lengthAfter(Number(seen))];
      checkRoomFor(to, capacity);
      // Pairs with the loads of all who ask for the length.
      const met = Atomics.compareExchange(words, LENGTH_INDEX, seen, BigInt(to));
      if (met === seen) return cutOff(object, from, to);
      seen = met;
    }
  });
}

function cutOff(object: OpenObject, from: number, to: number): void {
  if (to < from) zeroMemory(object, to, alignUp(from, pageSize()));
}

const MADV_ZERO = 11;

/** What macOS before 14.4, and Rosetta, say of it. */
const CANNOT_ZERO: readonly string[] = ["EINVAL", "ENOTSUP"];

/**
 * Zeroes whole pages of memory that is no file's, if possible without touching those that are not there,
 * and gives them back: lost or not, they are zeros by then.
 *
 * @returns false where it cannot be done: in memory that must not be written to
 */
export function zeroPages(pointer: Deno.PointerObject, byteLength: number): boolean {
  const { madvise } = libc();
  if (madvise(pointer, BigInt(byteLength), MADV_ZERO) !== 0) {
    if (!CANNOT_ZERO.includes(errnoName(threadErrno[0]!))) return false;
    zero({ pointer, byteLength });
  }
  madvise(pointer, BigInt(byteLength), MADV_FREE);
  return true;
}

/** Zeroes bytes of shared memory. */
export function zeroMemory(object: OpenObject, from: number, to: number): void {
  const start = alignDown(from, pageSize());
  const firstWhole = alignUp(from, pageSize());
  const lastWhole = Math.max(firstWhole, alignDown(to, pageSize()));
  withBytes(object, start, alignUp(to, pageSize()) - start, true, (buffer) => {
    const bytes = new Uint8Array(buffer);
    const whole = bytes.subarray(firstWhole - start, lastWhole - start);
    const pages = Deno.UnsafePointer.of(whole);
    const done = whole.length > 0 && pages !== null && zeroPages(pages, whole.length);
    if (!done) return void bytes.subarray(from - start, to - start).fill(0);
    bytes.subarray(from - start, Math.min(to, firstWhole) - start).fill(0);
    if (to > lastWhole) bytes.subarray(lastWhole - start, to - start).fill(0);
  });
}

/** Forbids anonymous memory to get shorter. */
export function sealLength(object: OpenObject): void {
  withBytes(object, roomOf(object)!, pageSize(), true, (bytes) => {
    Atomics.store(new Int32Array(bytes), SEAL_INDEX, 1);
  });
}

/** See `ObjectSystem.checkMayShrink`. */
export function checkMayShrink(object: OpenObject): void {
  const told = statusOf(object);
  if (!isMemoryStatus(told) || readPage(object, told.byteLength)?.sealed !== true) return;
  throw systemError(EPERM, "ftruncate");
}
