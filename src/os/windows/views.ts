/**
 * Mapping. All memory stands in placeholders: addresses that are taken, in which views and private
 * memory are put and replaced without anybody else coming between. Views begin at any page then, and
 * stand side by side as one range. That takes Windows 10 1803.
 *
 * A file is mapped as far as it goes, and no further: where a request asks for more, the addresses
 * behind it stay a placeholder until the file is longer (`follow`).
 *
 * @see https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualalloc2
 */

import { processTable } from "../../../ffi/guard/guard.ts";
import { addressOf, type Range } from "../../../ffi/memory.ts";
import {
  checkAddress,
  checkHandle,
  checkTrue,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from "../../../ffi/windows/errors.ts";
import { lastError, newStruct, SELF, windows } from "../../../ffi/windows/library.ts";
import { alignUp } from "../arithmetic.ts";
import type { MapRequest, PlacedRange, Protection } from "../system.ts";
import {
  areaAt,
  MEM_COMMIT,
  MEM_RESERVE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  piecesOf,
  pointerTo,
} from "./allocations.ts";
import { close } from "./files.ts";
import { HEADER_BYTE_LENGTH } from "./section_header.ts";
import { isSection, roomOf } from "./sections.ts";
import { sizesOf } from "./files.ts";

export const PAGE = 4096;

const MEM_RELEASE = 0x8000;
const MEM_RESERVE_PLACEHOLDER = 0x40000;
const MEM_REPLACE_PLACEHOLDER = 0x4000;
const MEM_PRESERVE_PLACEHOLDER = 2;
const MEM_COALESCE_PLACEHOLDERS = 1;

/** The protection of memory that is written to itself. */
const DIRECT: Readonly<Record<Protection, number>> = {
  "none": PAGE_NOACCESS,
  "read": PAGE_READONLY,
  "read-write": PAGE_READWRITE,
  "read-execute": PAGE_EXECUTE_READ,
  "read-write-execute": PAGE_EXECUTE_READWRITE,
};

/** That of views whose pages are copied when they are written to. */
const COPIED: typeof DIRECT = {
  ...DIRECT,
  "read-write": PAGE_WRITECOPY,
  "read-write-execute": PAGE_EXECUTE_WRITECOPY,
};

export function protectionOf(protection: Protection, isCopied: boolean): number {
  return (isCopied ? COPIED : DIRECT)[protection];
}

/** Where this isolate's reservations end that go on behind their mapping, by their beginnings. */
const ends = new Map<number, number>();

/** The sections that files are mapped from, by the beginnings of their mappings: the guard maps from them, too. */
const sources = new Map<number, number>();

function keepSource(start: number, section: number): void {
  dropSource(start);
  sources.set(start, section);
}

/** Closes the section of a mapping. Nobody can cut a file that has one. */
export function dropSource(start: number): void {
  const section = sources.get(start);
  sources.delete(start);
  if (section !== undefined) close(section);
}

/** See `MemorySystem.guardSource`. */
export function guardSource(
  { pointer }: Range,
  { object, fileOffset }: MapRequest,
): { object: number; byteOffset: number } {
  if (isSection(object)) return { object, byteOffset: fileOffset + HEADER_BYTE_LENGTH };
  return { object: sources.get(Number(addressOf(pointer))) ?? -1, byteOffset: fileOffset };
}

const GRANULE = 65536;

/** How often to try addresses that no mapping had, before any address will do. */
const TRIES = 16;

/** A placeholder, at the address that was asked for or one that no mapping had before. */
function reserveAnew(byteLength: number, wanted: bigint): number {
  const addresses = wanted === 0n ? processTable()?.addresses : undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    const room = addresses?.take(alignUp(byteLength, GRANULE), GRANULE, 0);
    if (room === undefined) break;
    const start = reserve(byteLength, BigInt(room.start));
    if (start === room.start) return start;
    windows().VirtualFree(pointerTo(start), 0n, MEM_RELEASE);
  }
  return reserve(byteLength, wanted);
}

/** A placeholder. The address is a hint. */
function reserve(byteLength: number, address: bigint): number {
  const { VirtualAlloc2 } = windows();
  const take = (at: Deno.PointerValue): Deno.PointerValue =>
    VirtualAlloc2(
      SELF,
      at,
      BigInt(byteLength),
      MEM_RESERVE | MEM_RESERVE_PLACEHOLDER,
      PAGE_NOACCESS,
      null,
      0,
    );
  const there = address === 0n ? null : take(pointerTo(Number(address)));
  if (there !== null) return Number(addressOf(there));
  const anywhere = take(null);
  const error = lastError[0]!;
  // It is asked for whole pages: what it calls invalid is more than there are addresses.
  const told = error === ERROR_INVALID_PARAMETER ? ERROR_NOT_ENOUGH_MEMORY : error;
  return Number(addressOf(checkAddress(anywhere, told, "VirtualAlloc2")));
}

/** @throws ENOMEM if there are no addresses for so many bytes */
export function checkRoom(byteLength: number): void {
  windows().VirtualFree(pointerTo(reserve(byteLength, 0n)), 0n, MEM_RELEASE);
}

/** Makes a placeholder of a part of private memory, or of a longer placeholder. */
export function split(start: number, byteLength: number): void {
  windows().VirtualFree(
    pointerTo(start),
    BigInt(byteLength),
    MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER,
  );
}

/** See `MemorySystem.place`. */
export function place(request: MapRequest, headroom = 0): PlacedRange {
  const { byteLength, address } = request;
  const pages = alignUp(byteLength, PAGE);
  const start = reserveAnew(pages + headroom, address);
  try {
    fill(start, start + pages + headroom, request, 0);
  } catch (error) {
    freeAll(start, start + pages + headroom);
    throw error;
  }
  const pointer = pointerTo(start);
  const end = start + pages + headroom;
  ends.set(start, end);
  return { range: { pointer, byteLength }, pages: { pointer, byteLength: pages }, start, end };
}

/** How much of what a request asks for can be mapped now, in whole pages. */
function mappable({ object, byteLength, fileOffset }: MapRequest): number {
  const whole = alignUp(byteLength, PAGE);
  if (object === undefined) return whole;
  const size = isSection(object) ? roomOf(object) : sizesOf(object).byteLength;
  return Math.min(whole, alignUp(Math.max(0, size - fileOffset), PAGE));
}

/**
 * Maps what there is of a request behind what is mapped of it already.
 *
 * @param start where the request's range begins
 * @param end the end of its reservation
 * @param done how much is mapped, in whole pages; the rest is one placeholder
 */
export function fill(start: number, end: number, request: MapRequest, done: number): void {
  const byteLength = mappable(request) - done;
  if (byteLength <= 0) return;
  const at = start + done;
  if (at + byteLength < end) split(at, byteLength);
  if (request.object === undefined) commitPrivate(at, byteLength, request.protection);
  else mapView(at, byteLength, request, done);
}

/** Private zero pages in the place of a placeholder. */
function commitPrivate(at: number, byteLength: number, protection: Protection): void {
  const { VirtualAlloc2 } = windows();
  const type = MEM_RESERVE | MEM_COMMIT | MEM_REPLACE_PLACEHOLDER;
  const made = VirtualAlloc2(
    SELF,
    pointerTo(at),
    BigInt(byteLength),
    type,
    protectionOf(protection, false),
    null,
    0,
  );
  checkAddress(made, lastError[0]!, "VirtualAlloc2");
}

/** A view of an object in the place of a placeholder. @param byteOffset from the request's beginning */
function mapView(at: number, byteLength: number, request: MapRequest, byteOffset: number): void {
  const { subject, protection, sharing } = request;
  const object = request.object!;
  const inMemory = isSection(object);
  const section = inMemory ? object : sectionOf(request);
  try {
    const offset = request.fileOffset + byteOffset + (inMemory ? HEADER_BYTE_LENGTH : 0);
    const rest = inMemory ? Infinity : sizeOfSection(section) - offset;
    const { MapViewOfFile3 } = windows();
    const view = MapViewOfFile3(
      BigInt(section),
      SELF,
      pointerTo(at),
      BigInt(offset),
      BigInt(byteLength >= rest ? 0 : byteLength), // 0: to the end of the section
      MEM_REPLACE_PLACEHOLDER,
      protectionOf(protection === "none" ? "read" : protection, sharing === "private"),
      null,
      0,
    );
    checkAddress(view, lastError[0]!, "MapViewOfFile3", subject);
  } catch (error) {
    if (!inMemory) close(section);
    throw error;
  }
  if (!inMemory) keepSource(at - byteOffset, section);
}

/** A section of a file: as long as a view needs it, since nobody can cut a file that has one. */
function sectionOf({ object, protection, sharing, subject }: MapRequest): number {
  const isWritable = protection.startsWith("read-write") && sharing === "shared";
  const executes = protection.endsWith("execute");
  const kind = isWritable
    ? executes ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE
    : executes
    ? PAGE_EXECUTE_READ
    : PAGE_READONLY;
  const { CreateFileMappingW } = windows();
  return checkHandle(
    CreateFileMappingW(BigInt(object!), null, kind, 0, 0, null),
    lastError[0]!,
    "CreateFileMappingW",
    subject,
  );
}

/**
 * SECTION_BASIC_INFORMATION: 16 i64 size; 24 bytes. The file may have got longer since the section was
 * made. The size may be in whole pages.
 */
function sizeOfSection(section: number): number {
  const { bytes, view } = newStruct(24);
  windows().NtQuerySection(BigInt(section), 0, bytes, 24n, null);
  return Number(view.getBigInt64(16, true));
}

/** See `MemorySystem.map`. */
export function map(request: MapRequest): Range {
  return place(request).range;
}

/** See `MemorySystem.unmap`. */
export function unmap({ pointer, byteLength }: Range): void {
  const start = Number(addressOf(pointer));
  const end = ends.get(start) ?? start + alignUp(byteLength, PAGE);
  ends.delete(start);
  freeAll(start, end);
  dropSource(start);
}

/** Their bounds are read first: what is freed may be somebody else's the next moment. */
function freeAll(start: number, end: number): void {
  const { UnmapViewOfFile, VirtualFree } = windows();
  for (const { start: at, isView } of piecesOf(start, end)) {
    if (isView) UnmapViewOfFile(pointerTo(at));
    else VirtualFree(pointerTo(at), 0n, MEM_RELEASE);
  }
}

/** Makes one placeholder of a range. Views are whole in it; private memory may begin before it. */
export function clear(start: number, end: number): void {
  const { UnmapViewOfFile2, VirtualFree } = windows();
  const pieces = piecesOf(start, end);
  for (const { start: first, end, isView, isCommitted } of pieces) {
    const at = Math.max(first, start);
    if (isView) UnmapViewOfFile2(SELF, pointerTo(at), MEM_PRESERVE_PLACEHOLDER);
    else if (isCommitted) split(at, end - at);
  }
  if (pieces.length < 2) return;
  const last = pieces.at(-1)!.end;
  const type = MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS;
  checkTrue(
    VirtualFree(pointerTo(start), BigInt(last - start), type),
    lastError[0]!,
    "VirtualFree",
  );
}

/** See `MemorySystem.replaceByZeros`. Without memory for them, the addresses stay taken. */
export function replaceByZeros({ pointer, byteLength }: Range): void {
  const start = Number(addressOf(pointer));
  const end = start + alignUp(byteLength, PAGE);
  try {
    clear(start, end);
    dropSource(start);
    commitPrivate(start, end - start, "read-write");
  } catch {
    // Nobody can be told.
  }
}

/** See `MemorySystem.replace`: of whole views, as far as the object goes. */
export function replace(range: Range, request: MapRequest, byteOffset = 0): void {
  const start = Number(addressOf(range.pointer));
  const pages = alignUp(range.byteLength, PAGE);
  clear(start, start + pages);
  const byteLength = Math.min(pages, mappable(request) - byteOffset);
  if (byteLength <= 0) return;
  if (start + byteLength < areaAt(start).end) split(start, byteLength);
  mapView(start, byteLength, request, byteOffset);
}
