/**
 * Shared memory: sections of the page file, each with a name that other processes open it by. A name
 * lives as long as somebody has the section open. Its size is fixed, so it is made with room to grow
 * (`ROOM`), which takes no memory until it is committed.
 *
 * In front of the data is a header: `section_header.ts`.
 */

import { addressOf, bufferOver, pointerAt } from "../../../ffi/memory.ts";
import {
  checkAddress,
  checkHandle,
  ERROR_ACCESS_DENIED,
  ERROR_ALREADY_EXISTS,
  ERROR_FILE_NOT_FOUND,
  windowsError,
} from "../../../ffi/windows/errors.ts";
import { lastError, wide, windows } from "../../../ffi/windows/library.ts";
import { alignDown, alignUp } from "../arithmetic.ts";
import type { ObjectStatus, OpenObject, Seals } from "../system.ts";
import { areaAt, MEM_COMMIT, PAGE_READWRITE } from "./allocations.ts";
import { zero } from "./copy.ts";
import { BLOCK, close, duplicate, orClose } from "./files.ts";
import { own } from "./processes.ts";
import {
  BIRTH_LONG,
  HEADER_BYTE_LENGTH,
  HEADER_USED,
  INODE_LONG,
  MAGIC,
  MAGIC_WORD,
  MODE_WORD,
  PID_WORD,
  ROOM_LONG,
  SEALS_WORD,
  SHRINK_SEALED,
  SIZE_LONG,
  STARTED_LONG,
  WRITE_SEALED,
  writeLabel,
} from "./section_header.ts";

/** Behind the room. Wine tells other views of what was committed only if it is not a whole view. */
const SPARE = 4096;

/** The room that everybody gets. It costs 8 bytes for each page. */
const LEAST_ROOM = 2 ** 26;

const PAGE = 4096;
const SEC_RESERVE = 0x4000000;
const FILE_MAP_WRITE = 2;
const FILE_MAP_READ = 4;

/** An open section. */
interface Section {
  readonly writable: boolean;
  readonly header: Deno.PointerObject;
  readonly words: Int32Array<ArrayBuffer>;
  readonly longs: BigInt64Array;
}

const sections = new Map<OpenObject, Section>();

/** Whether an object is shared memory; false for none. */
export function isSection(object: OpenObject | undefined): object is OpenObject {
  return object !== undefined && sections.has(object);
}

/** How long the data may get. */
export function roomOf(object: OpenObject): number {
  return Number(sections.get(object)!.longs[ROOM_LONG]);
}

/** The name of the section of a number. */
function nameOf(inode: string): string {
  return `Local\\mmap.${inode}`;
}

/** What a new section has. */
interface NewSection {
  readonly byteLength: number;
  /** How many bytes it may get. */
  readonly capacity: number;
  readonly mode: number;
  /** For display only. */
  readonly label: string;
}

/** @throws ENOMEM if there is not so much memory; then nothing is left. */
export function createSection({ byteLength, capacity, mode, label }: NewSection): OpenObject {
  const room = alignUp(Math.max(capacity, LEAST_ROOM), PAGE);
  const inode = crypto.getRandomValues(new BigInt64Array(1))[0]! & 0x7fffffffffffffffn;
  const object = makeSection(nameOf(String(inode)), HEADER_BYTE_LENGTH + room + SPARE);
  try {
    commit(object, 0, HEADER_USED);
    commit(object, HEADER_BYTE_LENGTH, HEADER_BYTE_LENGTH + byteLength);
    const section = openHeader(object, true);
    const { words, longs } = section;
    longs[SIZE_LONG] = BigInt(byteLength);
    longs[ROOM_LONG] = BigInt(room);
    longs[BIRTH_LONG] = BigInt(Date.now()) * 1_000_000n;
    longs[INODE_LONG] = inode;
    words[PID_WORD] = Deno.pid;
    words[MODE_WORD] = mode;
    writeLabel(words, label);
    longs[STARTED_LONG] = BigInt(own().startTime);
    Atomics.store(words, MAGIC_WORD, MAGIC);
    sections.set(object, section);
    return object;
  } catch (error) {
    close(object);
    throw error;
  }
}

/** A new section without committed memory. */
function makeSection(name: string, byteLength: number): OpenObject {
  const [high, low] = [Math.floor(byteLength / 2 ** 32), byteLength % 2 ** 32];
  const protection = PAGE_READWRITE | SEC_RESERVE;
  const handle = windows().CreateFileMappingW(-1n, null, protection, high, low, wide(name));
  const error = lastError[0]!;
  checkHandle(handle, error, "CreateFileMappingW");
  if (error === ERROR_ALREADY_EXISTS) {
    close(handle);
    throw windowsError(error, "CreateFileMappingW");
  }
  return handle as OpenObject;
}

/** What a handle of a section is for. */
export function accessTo(writable: boolean): number {
  return FILE_MAP_READ | (writable ? FILE_MAP_WRITE : 0);
}

/** Opens a section by its number. @throws ENOENT if nobody has it open */
export function openSection(inode: string, writable: boolean): OpenObject {
  const { OpenFileMappingW } = windows();
  const object = checkHandle(
    OpenFileMappingW(accessTo(writable), 0, wide(nameOf(inode))),
    lastError[0]!,
    "OpenFileMappingW",
  ) as OpenObject;
  return adoptSection(object, writable);
}

/** Takes an open handle over. */
export function adoptSection(object: OpenObject, writable: boolean): OpenObject {
  try {
    const section = openHeader(object, writable);
    sections.set(object, section);
    // Its maker may not have finished it.
    if (Atomics.load(section.words, MAGIC_WORD) !== MAGIC) throw notFound();
    if (!writable || (section.words[SEALS_WORD]! & WRITE_SEALED) === 0) return object;
    throw windowsError(ERROR_ACCESS_DENIED, "OpenFileMappingW");
  } catch (error) {
    closeSection(object);
    throw error;
  }
}

/** @throws ENOENT if it has no header */
function openHeader(object: OpenObject, writable: boolean): Section {
  const header = viewOf(object, 0, HEADER_BYTE_LENGTH, writable ? FILE_MAP_WRITE : FILE_MAP_READ);
  if (!areaAt(Number(addressOf(header))).isCommitted) {
    windows().UnmapViewOfFile(header);
    throw notFound();
  }
  // SAFETY: the view stays until `closeSection`, which drops these arrays too.
  const buffer = bufferOver({ pointer: header, byteLength: HEADER_USED });
  return { writable, header, words: new Int32Array(buffer), longs: new BigInt64Array(buffer) };
}

function notFound(): Error {
  return windowsError(ERROR_FILE_NOT_FOUND, "OpenFileMappingW");
}

function viewOf(
  object: OpenObject,
  offset: number,
  byteLength: number,
  access: number,
): Deno.PointerObject {
  const [high, low] = [Math.floor(offset / 2 ** 32), offset % 2 ** 32];
  const { MapViewOfFile } = windows();
  return checkAddress(
    MapViewOfFile(BigInt(object), access, high, low, BigInt(byteLength)),
    lastError[0]!,
    "MapViewOfFile",
  );
}

/** Calls `use` with a view of a part of a section. */
function withView(
  object: OpenObject,
  from: number,
  to: number,
  use: (at: Deno.PointerObject, byteLength: number) => void,
): void {
  const start = alignDown(from, HEADER_BYTE_LENGTH);
  const view = viewOf(object, start, alignUp(to, PAGE) + SPARE - start, FILE_MAP_WRITE);
  try {
    use(pointerAt(view, from - start), to - from);
  } finally {
    windows().UnmapViewOfFile(view);
  }
}

/** Commits memory of a section, for all processes: it reads as zeros if it was not committed before. */
function commit(object: OpenObject, from: number, to: number): void {
  if (from === to) return;
  withView(object, from, to, (pointer, byteLength) => {
    const { VirtualAlloc } = windows();
    checkAddress(
      VirtualAlloc(pointer, BigInt(byteLength), MEM_COMMIT, PAGE_READWRITE),
      lastError[0]!,
      "VirtualAlloc",
    );
  });
}

/** Commits what is added, and zeroes what is cut off, or it would come back. */
function prepare(object: OpenObject, from: number, to: number): void {
  const room = roomOf(object);
  if (to > room) {
    throw new Deno.errors.NotSupported(
      `Cannot make shared memory longer than the ${room} bytes that it was made for: ` +
        "its creator must ask for more with `reserve`",
    );
  }
  const [start, end] = [from, to].map((at) => HEADER_BYTE_LENGTH + at) as [number, number];
  if (end > start) return commit(object, start, end);
  withView(object, end, start, (pointer, byteLength) => zero({ pointer, byteLength }));
}

/** Changes the size, whoever else changes it meanwhile. @param sizeAfter the new one, by the present one */
function changeSize(object: OpenObject, sizeAfter: (size: number) => number): void {
  const { longs } = sections.get(object)!;
  for (let seen = Atomics.load(longs, SIZE_LONG);;) {
    const [from, to] = [Number(seen), sizeAfter(Number(seen))];
    if (from === to) return;
    prepare(object, from, to);
    // Pairs with the loads of all who ask for the size: what is added is committed before.
    const met = Atomics.compareExchange(longs, SIZE_LONG, seen, BigInt(to));
    if (met === seen) return;
    seen = met;
  }
}

/** See `ObjectSystem.setSize`. */
export function setSectionSize(object: OpenObject, byteLength: number): void {
  changeSize(object, () => byteLength);
}

/** See `ObjectSystem.extend`: never makes it shorter. */
export function extendSection(object: OpenObject, to: number): void {
  changeSize(object, (size) => Math.max(size, to));
}

/** See `ObjectSystem.takeBack`: only while nobody else has changed the size. */
export function takeBackSection(object: OpenObject, from: number, to: number): void {
  changeSize(object, (size) => size === to ? from : size);
}

/** No file is there: the number of a volume has 32 bits, and may be 0. */
export const MEMORY_DEVICE: number = 2 ** 32;

/** See `ObjectSystem.status`. */
export function statusOfSection(object: OpenObject): ObjectStatus {
  const { words, longs } = sections.get(object)!;
  const byteLength = Number(Atomics.load(longs, SIZE_LONG));
  return {
    device: MEMORY_DEVICE,
    inode: String(longs[INODE_LONG]),
    birthTime: String(longs[BIRTH_LONG]),
    type: "file",
    mode: words[MODE_WORD]!,
    uid: 0,
    byteLength,
    allocated: alignUp(byteLength, PAGE),
    blockByteLength: BLOCK,
  };
}

/** The process that made it. */
export function makerOf(object: OpenObject): { pid: number; startTime: number } {
  const { words, longs } = sections.get(object)!;
  return { pid: words[PID_WORD]!, startTime: Number(longs[STARTED_LONG]) };
}

/** See `ObjectSystem.seal`. */
export function sealSection(object: OpenObject, { shrink, write }: Seals): void {
  const { words } = sections.get(object)!;
  Atomics.or(words, SEALS_WORD, (shrink ? SHRINK_SEALED : 0) | (write ? WRITE_SEALED : 0));
}

/** Whether it may be written to by others who get it from this process. */
export function isWritable(object: OpenObject): boolean {
  const { writable, words } = sections.get(object)!;
  return writable && (Atomics.load(words, SEALS_WORD) & WRITE_SEALED) === 0;
}

/** See `ObjectSystem.checkMayShrink`. */
export function checkMayShrinkSection(object: OpenObject): void {
  const { words } = sections.get(object)!;
  if ((Atomics.load(words, SEALS_WORD) & SHRINK_SEALED) === 0) return;
  throw windowsError(ERROR_ACCESS_DENIED, "VirtualFree");
}

/** Another handle of it. */
export function duplicateSection(object: OpenObject): OpenObject {
  const { writable } = sections.get(object)!;
  const copy = duplicate(object);
  sections.set(copy, orClose(copy, () => openHeader(object, writable)));
  return copy;
}

export function closeSection(object: OpenObject): void {
  const section = sections.get(object);
  sections.delete(object);
  if (section !== undefined) windows().UnmapViewOfFile(section.header);
  close(object);
}
