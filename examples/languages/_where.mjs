/** Where memory is found by Node: as a descriptor of a file, of shared memory, or of a process. */
// deno-lint-ignore-file explicit-function-return-type explicit-module-boundary-types -- JavaScript has no types
import fs from "node:fs";
import process from "node:process";

export const BYTES = 4096;
export const ANSWER = 64;

/** Shared memory of that name, as Linux keeps it. */
function named(name) {
  return `/dev/shm/${name}`;
}

/** Makes memory. @returns a descriptor of it */
export function create(way, where) {
  const path = { file: where, named: named(where), descriptor: named(`peer-${process.pid}`) }[way];
  const fd = fs.openSync(path, "wx+", 0o600);
  if (way === "descriptor") fs.unlinkSync(path);
  fs.ftruncateSync(fd, BYTES);
  return fd;
}

/** Opens memory. @returns a descriptor of it */
export function attach(way, where) {
  const find = { file: String, named, descriptor: pathOfDescriptor };
  return fs.openSync(find[way](where), "r+");
}

/** A handle of Deno is text like a query string; others give the path itself. */
function pathOfDescriptor(where) {
  if (!where.startsWith("mmap:")) return where;
  const handle = new URLSearchParams(where.slice("mmap:".length));
  return `/proc/${handle.get("pid")}/fd/${handle.get("fd")}`;
}

/** How others find what `create` has made. */
export function whereabouts(way, where, fd) {
  return way === "descriptor" ? `/proc/${process.pid}/fd/${fd}` : where;
}

/** Removes the name of what `create` has made. */
export function remove(way, where) {
  if (way === "named") fs.unlinkSync(named(where));
}
