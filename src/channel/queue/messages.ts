/** The parts of a channel that streams and values need. */

import type { WaitOptions } from "../../wait/patience.ts";

/** Takes messages. */
export interface MessageSource {
  /** @returns null at the end */
  receive(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** Sends messages. */
export interface MessageSink {
  readonly maxByteLength: number;
  send(message: Uint8Array, options?: WaitOptions): Promise<void>;
  closeSending(): void;
}
