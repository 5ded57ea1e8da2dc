/** Temporary directories, on the disk and in memory, that are gone when their test is. */

import { assert } from "@std/assert";
import { isAbsolute, join } from "@std/path";
import { HAS_HOST, runOnHost } from "./_host.ts";

/** What a test body is given: a directory of its own. */
export type DirBody = (dir: string) => void | Promise<void>;

/** Runs `body` with a new directory and removes it afterwards, whatever happened. */
export async function withTempDir(body: DirBody, parent?: string): Promise<void> {
  const dir = await Deno.makeTempDir(
    parent === undefined ? { prefix: "mmap_test_" } : { prefix: "mmap_test_", dir: parent },
  );
  try {
    await body(dir);
  } finally {
    // Wine would remove what they lead to.
    if (hasLinks) await runOnHost("find", [dir, "-type", "l", "-delete"]);
    await Deno.remove(dir, { recursive: true });
  }
}

/** Whether there are links that Wine does not know as such. */
let hasLinks = false;

/** Makes a symbolic link. Wine makes none, but follows those that the Linux below has made. */
export async function makeLink(
  target: string,
  path: string,
  type: "file" | "dir" = "file",
): Promise<void> {
  if (!HAS_HOST) return await Deno.symlink(target, path, { type });
  hasLinks = true;
  const relative = isAbsolute(target) ? ["--relative"] : []; // Linux has no drives
  const { success, stderr } = await runOnHost("ln", ["-s", ...relative, target, path]);
  assert(success, stderr);
}

/** The file systems' parent folders; the disk's is the default. Only Linux has a tmpfs for everybody. */
export const FILE_SYSTEMS: Record<string, string | undefined> = Deno.build.os === "linux"
  ? { disk: undefined, tmpfs: "/dev/shm" }
  : { disk: undefined };

/** Registers one test per file system that there is. */
export function onBothFileSystems(
  name: string,
  body: DirBody,
  { ignore } = { ignore: false },
): void {
  for (const [fileSystem, parent] of Object.entries(FILE_SYSTEMS)) {
    Deno.test(`${name} (${fileSystem})`, { ignore }, () => withTempDir(body, parent));
  }
}

/** A device that gives memory; on Windows, which maps none, just a device. */
export const ZERO_DEVICE = Deno.build.os === "windows" ? "NUL" : "/dev/zero";

/** A device without memory. */
export const NULL_DEVICE = Deno.build.os === "windows" ? "NUL" : "/dev/null";

/** Bytes that differ from their neighbours and from page to page. */
export function pattern(byteLength: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 0xff);
}

/** On Windows a file that is mapped can be written to and grow, but it cannot be emptied first. */
function write(path: string, content: Uint8Array): void {
  if (Deno.build.os !== "windows") return Deno.writeFileSync(path, content);
  using file = Deno.openSync(path, { write: true, create: true });
  for (let done = 0; done < content.length;) done += file.writeSync(content.subarray(done));
  if (file.statSync().size > content.length) file.truncateSync(content.length);
}

/** A file of `content`, or of so many bytes of {@linkcode pattern}. @returns its path */
export function makeFile(dir: string, content: Uint8Array | number, name = "data.bin"): string {
  const path = join(dir, name);
  write(path, typeof content === "number" ? pattern(content) : content);
  return path;
}

/** A file without blocks that is `byteLength` bytes long. @returns its path */
export function makeSparseFile(dir: string, byteLength: number, name = "sparse.bin"): string {
  const path = join(dir, name);
  using file = Deno.openSync(path, { write: true, createNew: true });
  file.truncateSync(byteLength);
  return path;
}
