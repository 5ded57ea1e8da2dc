/** Names of shared memory that no other test uses, and what is left of them. */

import { assertEquals } from "@std/assert";
import { MmapRegion, type SharedMemoryInfo } from "@mmap/mmap";
import { system } from "../../src/os/mod.ts";
import { namedFolder } from "../_capabilities.ts";

/** Where named shared memory lies that is files in a folder. */
export const SHM = "/dev/shm";

/** The owner files that speak of a name; none where there is no such folder. */
export function ownerFilesOf(name: string): string[] {
  const found: string[] = [];
  if (namedFolder.ignore) return found;
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
  const { named, objects } = system();
  try {
    objects.close(named.open(name, false));
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

/** A name that no other test uses, and that no system finds too long. */
export function newName(): string {
  return `mmap-${crypto.randomUUID().slice(0, 18)}`;
}

/** Runs `body` with a new name; nothing of it may be left, neither an object nor an owner file. */
export async function withName(body: (name: string) => void | Promise<void>): Promise<void> {
  const name = newName();
  try {
    await body(name);
    assertEquals([exists(name), ownerFilesOf(name)], [false, []], "left behind");
  } finally {
    for (const path of ownerFilesOf(name)) Deno.removeSync(path);
    if (exists(name)) system().named.unlink(name);
  }
}
