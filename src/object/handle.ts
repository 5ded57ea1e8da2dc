/**
 * Handles: plain data by which another process finds an object.
 *
 * A handle names the object (device, inode, time of birth) and the ways to it: a path, and the
 * descriptor of the process that made the handle, which exists as long as that process keeps the
 * region open.
 */

import { shown } from "../check/options.ts";
import { system } from "../os/mod.ts";
import type { ObjectStatus, OpenObject } from "../os/system.ts";

/** How a region may use its object. */
export type Access = "read" | "read-write" | "copy-on-write";

/** A region as plain JSON, for other processes and Workers: see `MmapRegion.attach`. */
export interface RegionHandle {
  /** The version of this format. */
  readonly version: 2;
  /** The operating system of the object. */
  readonly system: "linux" | "darwin" | "windows";
  /** The kind of object that the region maps. */
  readonly kind: "file" | "anonymous" | "named";
  /** What the region may do, which is also the most that an attached region may do. */
  readonly access: Access;
  /** The offset in the object where the region begins, in bytes. */
  readonly byteOffset: number;
  /** The length of the region, in bytes. */
  readonly byteLength: number;
  /** The absolute path of a file, the name of a shared memory object, "" for anonymous memory. */
  readonly path: string;
  /** The device that the object is on. */
  readonly device: number;
  /** The object's inode number on that device, in decimal. */
  readonly inode: string;
  /** When the object was created, in nanoseconds; "" if its file system does not say. */
  readonly birthTime: string;
  /** The process that made the handle. */
  readonly pid: number;
  /** Its descriptor of the object. */
  readonly fd: number;
  /** When that process started, in clock ticks after the boot. */
  readonly startTime: number;
  /** The boot and the namespaces that these numbers refer to. */
  readonly bootId: string;
}

/** The part of a handle that describes the region, not its object. */
type RegionPart = Pick<RegionHandle, "kind" | "access" | "byteOffset" | "byteLength">;

/** Describes an open object for other processes. */
export function makeHandle(part: RegionPart, object: OpenObject, path: string): RegionHandle {
  const { name: on, objects, processes } = system();
  const { device, inode, birthTime } = objects.status(object);
  const about = { path, device, inode, birthTime };
  return { version: VERSION, system: on, ...part, ...about, fd: object, ...processes.own() };
}

const VERSION = 2;
const SYSTEMS: readonly RegionHandle["system"][] = ["linux", "darwin", "windows"];

const PREFIX = "mmap:";

/**
 * A handle as one short string, safe in environment variables, arguments, files and messages: it
 * has no spaces, quotes or control characters.
 *
 * @example
 * ```ts
 * import { formatHandle, MmapRegion } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * using again = MmapRegion.attach(formatHandle(region.handle()));
 * region.bytes[0] = 7;
 * assertEquals(again.bytes[0], 7);
 * ```
 */
export function formatHandle(handle: RegionHandle): string {
  const fields = Object.entries(checkHandle(handle)).map(([key, value]) => [key, String(value)]);
  return PREFIX + new URLSearchParams(fields);
}

/**
 * A handle in either form, checked.
 *
 * @throws {TypeError} If it is malformed.
 * @throws {Deno.errors.NotSupported} If it is of another version or operating system.
 */
export function parseHandle(handle: RegionHandle | string): RegionHandle {
  if (typeof handle !== "string") return checkHandle(handle);
  if (!handle.startsWith(PREFIX)) {
    throw malformed(`it must begin with "${PREFIX}": received "${handle.slice(0, 40)}"`);
  }
  // The text may be a line of a pipe or a file, with its line end.
  const fields = new URLSearchParams(handle.slice(PREFIX.length).replace(/\r?\n$/, ""));
  const record: Record<string, unknown> = {};
  for (const [key, type] of FIELD_LIST) {
    const text = fields.get(key);
    if (text === null) throw malformed(`it has no ${key}`);
    record[key] = type === "number" ? numberFrom(text) : text;
    if (key === "version") checkVersion(record[key]); // another version may have other fields
  }
  return checkHandle(record);
}

function numberFrom(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN;
}

const FIELDS = {
  version: "number",
  system: "string",
  kind: "string",
  access: "string",
  byteOffset: "number",
  byteLength: "number",
  path: "string",
  device: "number",
  inode: "string",
  birthTime: "string",
  pid: "number",
  fd: "number",
  startTime: "number",
  bootId: "string",
} as const satisfies Record<keyof RegionHandle, "number" | "string">;

const FIELD_LIST = Object.entries(FIELDS) as [keyof RegionHandle, "number" | "string"][];

/** @throws {Deno.errors.NotSupported} If this module does not know that version. */
function checkVersion(version: unknown): void {
  if (version === undefined) {
    throw malformed(
      "it has no version; post or pass region.handle(), a region itself cannot be sent",
    );
  }
  if (!isCount(version)) {
    throw malformed(`its version must be a number: received ${shown(version)}`);
  }
  if (version !== VERSION) {
    throw notSupported(`it has version ${version}, and this module reads version ${VERSION}`);
  }
}

/** @throws {Deno.errors.NotSupported} If it belongs to another system than this one. */
function checkSystem(name: RegionHandle["system"]): void {
  if (!SYSTEMS.includes(name)) throw malformed(`its system is unknown: received "${name}"`);
  const here = system().name;
  if (name !== here) throw notSupported(`it is of a region on ${name}, and this is ${here}`);
}

/** A copy of the handle's fields, each read once and of the right type. */
function checkHandle(value: unknown): RegionHandle {
  if (typeof value !== "object" || value === null) {
    throw malformed(`it must be an object or a string: received ${shown(value)}`);
  }
  const record = copyOf(value as RegionHandle);
  checkVersion(record.version);
  for (const [key, type] of FIELD_LIST) {
    const field: unknown = record[key];
    if (typeof field !== type || (type === "number" && !isCount(field))) {
      throw malformed(`its ${key} must be a ${type}: received ${shown(field)}`);
    }
  }
  const handle: RegionHandle = record;
  checkSystem(handle.system);
  if (!["file", "anonymous", "named"].includes(handle.kind)) {
    throw malformed(`its kind is unknown: received "${handle.kind}"`);
  }
  if (!["read", "read-write", "copy-on-write"].includes(handle.access)) {
    throw malformed(`its access is unknown: received "${handle.access}"`);
  }
  if (handle.byteLength === 0) throw malformed("its byteLength must be at least 1: received 0");
  if (!/^\d+$/.test(handle.inode)) {
    throw malformed(`its inode must be a decimal number: received "${handle.inode}"`);
  }
  if (handle.path.includes("\0")) throw malformed("its path contains a NUL");
  return handle;
}

/** Copies field by field, and so leaves out all other properties. */
function copyOf(value: RegionHandle): RegionHandle {
  return {
    version: value.version,
    system: value.system,
    kind: value.kind,
    access: value.access,
    byteOffset: value.byteOffset,
    byteLength: value.byteLength,
    path: value.path,
    device: value.device,
    inode: value.inode,
    birthTime: value.birthTime,
    pid: value.pid,
    fd: value.fd,
    startTime: value.startTime,
    bootId: value.bootId,
  };
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function notSupported(state: string): Error {
  return new Deno.errors.NotSupported(`Cannot read region handle: ${state}`);
}

function malformed(state: string): TypeError {
  return new TypeError(`Cannot read region handle: ${state}`);
}

/** Whether an open object is the one that a handle names. */
export function isObjectOf(handle: RegionHandle, status: ObjectStatus): boolean {
  return status.device === handle.device && status.inode === handle.inode &&
    status.birthTime === handle.birthTime;
}
