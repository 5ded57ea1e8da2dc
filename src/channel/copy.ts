/** Copies messages into the ring. For short messages, a call would cost more than the copy. */

/** Up to this length, in bytes, a loop is quicker than `set`. */
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
