/** Listing a directory with libc alone, so that `--allow-ffi` is enough. Linux only. */

import { cString } from "./arguments.ts";
import { lastErrno } from "./errno.ts";
import { systemError } from "./call.ts";
import { libc } from "./libc.ts";

/** Where the name begins in Linux's struct dirent. */
const D_NAME_OFFSET = 19;

/** The names in a directory, "." and ".." left out. @throws {Deno.errors.NotFound} ENOENT. */
export function listDirectory(path: string): string[] {
  const { opendir, readdir, closedir } = libc();
  const directory = opendir(cString(path, "name", "opendir"));
  if (directory === null) throw systemError(lastErrno(), "opendir", path);
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
