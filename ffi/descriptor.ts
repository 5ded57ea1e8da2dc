/** Duplicates of descriptors. */

import { checkCount } from "./call.ts";
import { F_DUPFD_CLOEXEC } from "./constants.ts";
import { libc } from "./libc.ts";

/**
 * A duplicate that closes on exec.
 *
 * @throws {Error} EBADF: the descriptor is not open. EMFILE: the process has reached its limit of
 * descriptors.
 */
export function duplicateDescriptor(fd: number): number {
  return checkCount(libc().fcntl(fd, F_DUPFD_CLOEXEC, 0n), "fcntl");
}
