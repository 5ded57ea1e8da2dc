/** Names of shared memory that no other test uses, and what is left of them. */

import { assertEquals } from "@std/assert";
import { MmapRegion, type SharedMemoryInfo } from "@mmap/mmap";

/** Named shared memory can be looked at in this folder on Linux only. */
export const SHM = "/dev/shm";

/** For tests that look into {@linkcode SHM}. */
export const onLinux = { ignore: Deno.build.os !== "linux" };

/** The owner files that speak of a name. */
export function ownerFilesOf(name: string): string[] {
  const found: string[] = [];
  for (const { name: file } of Deno.readDirSync(SHM)) {
    if (!file.startsWith(".mmap-owner.")) continue;
    try {
      const text = Deno.readTextFileSync(`${SHM}/${file}`);
      if (text.split("\n").includes(name)) found.push(`${SHM}/${file}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // another test's, gone by now
    }
  }
  return found;
}

/** Whether there is an object of that name. */
export function exists(name: string): boolean {
  try {
    Deno.lstatSync(`${SHM}/${name}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What `list()` says of an object. */
export function infoOf(name: string): SharedMemoryInfo | undefined {
  return MmapRegion.list().find((info) => info.name === name);
}

/** Runs `body` with a new name; nothing of it may be left, neither an object nor an owner file. */
export async function withName(body: (name: string) => void | Promise<void>): Promise<void> {
  const name = `mmap-test-${crypto.randomUUID()}`;
  try {
    await body(name);
    assertEquals([exists(name), ownerFilesOf(name)], [false, []], "left behind");
  } finally {
    const paths = [...ownerFilesOf(name), ...exists(name) ? [`${SHM}/${name}`] : []];
    for (const path of paths) Deno.removeSync(path);
  }
}
