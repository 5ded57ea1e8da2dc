/** Named shared memory: objects of the kernel. Their names are not paths, and cannot be listed. */

import { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } from "../../../ffi/constants.ts";
import { close, ftruncate, shm_open, shm_unlink } from "../../../ffi/file_calls.ts";
import type { NamedSystem, OpenObject } from "../object_system.ts";

export const named: NamedSystem = {
  nameLimit: 30, // and the "/"
  pathOf: () => undefined,
  open: (name, writable) => shm_open(`/${name}`, writable ? O_RDWR : O_RDONLY) as OpenObject,
  create: (name, { byteLength, mode }) => createNamed(`/${name}`, byteLength, mode),
  own: () => {},
  unlink: (name) => void shm_unlink(`/${name}`),
  unlinkOwn, // the object cannot be compared first
};

function createNamed(name: string, byteLength: number, mode: number): OpenObject {
  const fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, mode);
  try {
    ftruncate(fd, byteLength); // the size can be set only once
    return fd as OpenObject;
  } catch (error) {
    close(fd);
    shm_unlink(name);
    throw error;
  }
}

function unlinkOwn(name: string): void {
  try {
    shm_unlink(`/${name}`);
  } catch {
    // It is gone already.
  }
}

/**
 * Memory of `byteLength` zero bytes: an object whose name is removed at once, since there is no
 * memfd.
 */
export function anonymous(_label: string, byteLength: number): OpenObject {
  const name = `/mmap.${crypto.randomUUID().slice(0, 18)}`; // at most 31 bytes
  const fd = createNamed(name, byteLength, 0o600);
  shm_unlink(name);
  return fd;
}
