/**
 * The doorbell of this isolate in its event loop: see `waiting.ts`. Loaded by the first awaited wait
 * that can use it.
 */

import { Socket } from "node:net";
import type { Doorbell, DoorbellPlace } from "../waiting_system.ts";

/** How many rings are read at a time. */
const READ_BYTE_LENGTH = 64;

/**
 * Has the event loop read a pipe for as long as the isolate lives.
 *
 * @param readEnd taken over
 */
export function listen(place: DoorbellPlace, readEnd: number, rung: () => void): Doorbell {
  const onread = { buffer: new Uint8Array(READ_BYTE_LENGTH), callback: () => (rung(), true) };
  // The types know neither `onread` nor that a descriptor is enough.
  const socket = new Socket({ fd: readEnd, readable: true, writable: false, onread } as object);
  // Without a listener, an error would end the program. Waits then end after their time slices.
  socket.on("error", () => {});
  socket.resume();
  socket.unref();
  return { ...place, keepAlive: (on) => void (on ? socket.ref() : socket.unref()) };
}
