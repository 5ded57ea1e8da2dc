/** Names of shared memory that no other test uses, and what is left of them. */

import { assertEquals } from "@std/assert";
import { MmapRegion, type SharedMemoryInfo } from "@mmap/mmap";
import { O_CREAT, O_EXCL, O_RDWR } from "../../ffi/constants.ts";
import { namesIn, userFolder } from "../../ffi/darwin.ts";
import { close, ftruncate, shm_open, shm_unlink } from "../../ffi/file_calls.ts";
import { system } from "../../src/os/mod.ts";
import { namedFolder } from "../_capabilities.ts";

/** Where named shared memory lies that is files in a folder. */
export const SHM = "/dev/shm";

/** The owner files that speak of a name. */
export function ownerFilesOf(name: string): string[] {
  if (Deno.build.os === "windows") return []; // what a name belongs to knows its owner
  return namedFolder.ignore ? entriesOf(name) : filesThatName(name);
}

/** On Linux they stand beside the objects, by their inodes. */
function filesThatName(name: string): string[] {
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

/** On macOS they are in a folder of the user's, by their names. */
function entriesOf(name: string): string[] {
  const folder = `${userFolder()}mmap.owners`;
  return namesIn(folder).filter((file) => file.startsWith(`${name}.`))
    .map((file) => `${folder}/${file}`);
}

/** Makes an object as another program does. */
export function makeForeign(name: string, byteLength: number, mode = 0o600): void {
  const fd = shm_open(`/${name}`, O_RDWR | O_CREAT | O_EXCL, mode);
  if (byteLength > 0) ftruncate(fd, byteLength);
  close(fd);
}

/** Takes a name away as another program does. */
export function removeForeign(name: string): void {
  shm_unlink(`/${name}`);
}

/** Makes an object with an owner file as this module would write it. */
export function forge(name: string, owner: string): void {
  makeForeign(name, 10);
  if (namedFolder.ignore) {
    Deno.writeTextFileSync(`${userFolder()}mmap.owners/${name}.0`, `${owner}\n`);
  } else {
    const { ino } = Deno.statSync(`${SHM}/${name}`);
    Deno.writeTextFileSync(`${SHM}/.mmap-owner.${ino}`, `${name}\n${owner}\n`);
  }
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
