/**
 * Tokens of Linux (`posix/token.ts`): locks of the object itself, which any object has that can be
 * mapped. It is opened anew through /proc, or else by its path.
 */

import { O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY } from "../../../ffi/constants.ts";
import { close, open } from "../../../ffi/file_calls.ts";
import { openDescriptorOf } from "../../../ffi/proc.ts";
import { statusOf } from "../../../ffi/status.ts";
import { type Description, takeToken, tied } from "../posix/token.ts";
import type { Token, TokenObject } from "../process_system.ts";

/** See `TokenSystem.take`. */
export function take(object: TokenObject): Token | undefined {
  return takeToken(describe(object), object.object, object.path);
}

/** An open file description of the object for this token alone. */
function describe(object: TokenObject): Description {
  const fd = openAnew(object);
  return fd === undefined ? { fd: object.object, close: () => {} } : tied(fd);
}

// Reading is enough, and everybody who could map the object may read it.
const FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

/** Undefined if the object's own descriptor will do. */
function openAnew({ object: fd, path, madeHere }: TokenObject): number | undefined {
  try {
    return openDescriptorOf("self", fd, FLAGS);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  // Without /proc, others can have received the object over a socket only, with the same
  // description.
  if (madeHere) return undefined;
  const found = path === "" ? undefined : openSame(path, fd);
  if (found !== undefined) return found;
  throw new Deno.errors.NotSupported(
    `Cannot use locks in '${path}': there is no /proc here, and no path leads to it any more`,
  );
}

function openSame(path: string, fd: number): number | undefined {
  let found: number;
  try {
    found = open(path, FLAGS);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const [ours, there] = [statusOf(fd), statusOf(found)];
  if (ours.inode === there.inode && ours.device === there.device) return found;
  close(found);
  return undefined;
}
