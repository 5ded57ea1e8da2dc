/**
 * Reads /proc, directories and the environment with libc alone, so that `--allow-ffi` is enough.
 */

import { checkCount, systemError } from "./call.ts";
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { close, open } from "./file_calls.ts";
import { cString } from "./arguments.ts";
import { libc, threadErrno } from "./libc.ts";

const decoder = new TextDecoder();

/** A buffer that is made once and reused; most files fit into it. */
let firstBytes: Uint8Array<ArrayBuffer> | undefined;

/** @throws {Deno.errors.NotFound} ENOENT: no such process or file. */
export function readProc(path: string): string {
  const fd = open(path, O_RDONLY | O_CLOEXEC);
  try {
    let bytes = firstBytes ??= new Uint8Array(16384);
    let length = 0;
    while (true) {
      if (length === bytes.length) bytes = twiceAsLong(bytes);
      const room = bytes.subarray(length);
      const count = checkCount(
        libc().read(fd, room, BigInt(room.length)),
        threadErrno[0]!,
        "read",
        path,
      );
      if (count === 0) return decoder.decode(bytes.subarray(0, length));
      length += count;
    }
  } finally {
    close(fd);
  }
}

function twiceAsLong(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(2 * bytes.length);
  longer.set(bytes);
  return longer;
}

/** Long enough for any two numbers. */
const pathBytes = new Uint8Array(128);

/**
 * Opens again what a descriptor of this or another process leads to.
 *
 * @throws {Deno.errors.NotFound} ENOENT: there is no such process, or it has closed that descriptor.
 * @throws {Deno.errors.PermissionDenied} EACCES.
 */
export function openDescriptorOf(pid: number | "self", fd: number, flags: number): number {
  const path = `/proc/${pid}/fd/${fd}`;
  // By a loop: an encoder would take a tenth of the time that attaching to a region takes.
  for (let i = 0; i < path.length; i++) pathBytes[i] = path.charCodeAt(i);
  pathBytes[path.length] = 0;
  return checkCount(libc().open(pathBytes, flags, 0), threadErrno[0]!, "open", path);
}

const target = new Uint8Array(4096); // PATH_MAX

/** The target of a symbolic link of /proc, such as "/memfd:label (deleted)". */
export function readLink(path: string): string {
  const count = checkCount(
    libc().readlink(cString(path, "pathname", "readlink"), target, BigInt(target.length)),
    threadErrno[0]!,
    "readlink",
    path,
  );
  return decoder.decode(target.subarray(0, count));
}

/** The offset of the name in Linux's struct dirent. */
const D_NAME_OFFSET = 19;

/**
 * The names in a directory, without "." and "..". Linux only. @throws {Deno.errors.NotFound}
 * ENOENT.
 */
export function listDirectory(path: string): string[] {
  const { opendir, readdir, closedir } = libc();
  const directory = opendir(cString(path, "name", "opendir"));
  if (directory === null) throw systemError(threadErrno[0]!, "opendir", path);
  try {
    const names: string[] = [];
    for (let entry; (entry = readdir(directory)) !== null;) {
      const name = new Deno.UnsafePointerView(entry).getCString(D_NAME_OFFSET);
      if (name !== "." && name !== "..") names.push(name);
    }
    return names;
  } finally {
    closedir(directory);
  }
}

/** The value of an environment variable; undefined if it is not set. */
export function getenv(name: string): string | undefined {
  const value = libc().getenv(cString(name, "name", "getenv"));
  return value === null ? undefined : new Deno.UnsafePointerView(value).getCString();
}
