/** Copies messages into the ring: a call costs more than the few bytes of a short message. */

/** Up to here, in bytes, a loop is quicker than `set`. */
const SHORT = 16;

/** Copies the first `byteLength` bytes of `message` to `at`. */
export function copyIn(
  ring: Uint8Array,
  at: number,
  message: Uint8Array,
  byteLength: number,
): void {
  if (byteLength > SHORT) {
    ring.set(message, at);
    return;
  }
  for (let i = 0; i < byteLength; i++) ring[at + i] = message[i]!;
}
