/** The doorbell of this isolate: see `waiting.ts`. Loaded by the first awaited wait that can use it. */

import { Socket } from "node:net";
import { checkZero } from "../../../ffi/call.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR } from "../../../ffi/constants.ts";
import { close } from "../../../ffi/file_calls.ts";
import { isNumberLocked, lockByte } from "../../../ffi/file_lock.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { openDescriptorOf } from "../../../ffi/proc.ts";
import { threadId } from "../../../ffi/thread.ts";
import { randomName } from "../posix/token.ts";
import type { Doorbell, DoorbellPlace } from "../waiting_system.ts";

/** How many rings are read at a time. */
const READ_BYTE_LENGTH = 64;

/**
 * Makes it, for as long as this isolate lives.
 *
 * @returns undefined if pipes have no locks here
 * @throws {Error} EMFILE, ENFILE: no descriptor left.
 */
export function makeDoorbell(rung: () => void): Doorbell | undefined {
  const made = makePipe();
  if (made === undefined) return undefined;
  const { place, readEnd } = made;
  const onRead = { buffer: new Uint8Array(READ_BYTE_LENGTH), callback: () => (rung(), true) };
  // The types know neither `onread` nor that a descriptor is enough.
  const socket = new Socket(
    { fd: readEnd, readable: true, writable: false, onread: onRead } as object,
  );
  // Without a listener, an error would end the program. Waits then end after their time slices.
  socket.on("error", () => {});
  socket.resume();
  socket.unref();
  return { ...place, keepAlive: (on) => void (on ? socket.ref() : socket.unref()) };
}

/**
 * A pipe, and a lock on it by which others know it. Both ends are opened anew: so they are not
 * inherited, and the lock belongs to nothing else.
 */
function makePipe(): { place: DoorbellPlace; readEnd: number } | undefined {
  const ends = new Int32Array(2);
  checkZero(libc().pipe(new Uint8Array(ends.buffer)), threadErrno[0]!, "pipe");
  const opened: number[] = [];
  const open = (end: number, flags: number): number => {
    opened.push(openDescriptorOf("self", end, flags | O_NONBLOCK | O_CLOEXEC));
    return opened.at(-1)!;
  };
  try {
    const readEnd = open(ends[0]!, O_RDONLY);
    const fd = open(ends[1]!, O_RDWR);
    const { number } = randomName(threadId());
    if (lockByte(fd, number, 0) === 0 && isNumberLocked(readEnd, number)) {
      opened.length = 0;
      return { place: { number, pid: Deno.pid, fd }, readEnd };
    }
    return undefined;
  } finally {
    for (const fd of [...ends, ...opened]) close(fd);
  }
}
