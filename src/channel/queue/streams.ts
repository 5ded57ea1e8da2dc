/** A channel's ends as streams. */

import type { MessageSink, MessageSource } from "./messages.ts";

/** No message is taken out of the channel before the stream's reader asks for it. */
const NOTHING_AHEAD = { highWaterMark: 0 };

/** The messages as a stream. */
export function readableOf(
  channel: MessageSource,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const cancelled = new AbortController();
  return new ReadableStream({
    async pull(controller): Promise<void> {
      try {
        const message = await channel.receive({ signal: cancelled.signal });
        if (message === null) controller.close();
        else controller.enqueue(message);
      } catch (error) {
        if (!cancelled.signal.aborted) throw error;
      }
    },
    cancel(reason): void {
      cancelled.abort(reason);
    },
  }, NOTHING_AHEAD);
}

/** A stream whose chunks become messages. */
export function writableOf(
  channel: MessageSink,
): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(chunk, { signal }): Promise<void> {
      const { maxByteLength } = channel;
      if (!(chunk instanceof Uint8Array) || chunk.length <= maxByteLength) {
        return await channel.send(chunk, { signal });
      }
      for (let at = 0; at < chunk.length; at += maxByteLength) {
        await channel.send(chunk.subarray(at, at + maxByteLength), { signal });
      }
    },
    close(): void {
      channel.closeSending();
    },
    abort(): void {
      channel.closeSending();
    },
  });
}
