/** Reading the small text files of /proc with libc alone, so that `--allow-ffi` is enough. */

import { checkCount } from "./call.ts";
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { close, open } from "./file_calls.ts";
import { cString } from "./arguments.ts";
import { libc } from "./libc.ts";

/** @throws {Deno.errors.NotFound} ENOENT: no such process or file. */
export function readProc(path: string): string {
  const fd = open(path, O_RDONLY | O_CLOEXEC);
  try {
    const streaming = new TextDecoder();
    const chunk = new Uint8Array(65536);
    let text = "";
    while (true) {
      const count = checkCount(libc().read(fd, chunk, BigInt(chunk.length)), "read", path);
      if (count === 0) return text;
      text += streaming.decode(chunk.subarray(0, count), { stream: true });
    }
  } finally {
    close(fd);
  }
}

const decoder = new TextDecoder();
const target = new Uint8Array(4096); // PATH_MAX

/** Where a symbolic link of /proc points, such as "/memfd:label (deleted)". */
export function readLink(path: string): string {
  const count = checkCount(
    libc().readlink(cString(path, "pathname", "readlink"), target, BigInt(target.length)),
    "readlink",
    path,
  );
  return decoder.decode(target.subarray(0, count));
}
