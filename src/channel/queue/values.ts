/** Values as messages. */

import { checkOptions, choice, type Names } from "../../check/options.ts";
import type { WaitOptions } from "../../wait/patience.ts";
import { type Codec, CODECS, decode } from "../encoding.ts";
import type { MessageSink, MessageSource } from "./messages.ts";

/** Options of `Channel.values`. */
export interface ValuesOptions {
  /**
   * - "clone": everything that `structuredClone` takes: Map, Set, Date, bigint, typed arrays,
   *   cycles.
   * - "json": the values of JSON, readable by programs in other languages.
   *
   * @default {"clone"}
   */
  encoding?: "clone" | "json";
}

const VALUES: Names<ValuesOptions> = { encoding: true };

/** A channel of values, made by `Channel.values`. */
export interface Values<T> extends AsyncIterable<T> {
  /**
   * Sends a value.
   *
   * @throws {TypeError} If it cannot be encoded.
   * @throws as `Channel.send`
   */
  send(value: T, options?: WaitOptions): Promise<void>;
  /**
   * Takes a value.
   *
   * @returns undefined if the channel has ended and nothing is left
   * @throws {Deno.errors.InvalidData} If the message is not a value in this encoding.
   * @throws as `Channel.receive`
   */
  receive(options?: WaitOptions): Promise<T | undefined>;
}

/** The values of a channel. */
export function valuesOf<T>(
  channel: MessageSink & MessageSource,
  options: ValuesOptions = {},
): Values<T> {
  checkOptions(options, VALUES, "send values");
  const encoding = choice(options.encoding, ["clone", "json"], "encoding", "send values");
  return new ValueChannel<T>(channel, CODECS[encoding ?? "clone"]);
}

class ValueChannel<T> implements Values<T> {
  readonly #channel: MessageSink & MessageSource;
  readonly #codec: Codec;

  constructor(channel: MessageSink & MessageSource, codec: Codec) {
    this.#channel = channel;
    this.#codec = codec;
  }

  async send(value: T, options?: WaitOptions): Promise<void> {
    await this.#channel.send(this.#codec.encode(value), options);
  }

  async receive(options?: WaitOptions): Promise<T | undefined> {
    const message = await this.#channel.receive(options);
    return message === null ? undefined : this.#decode(message);
  }

  #decode(message: Uint8Array): T {
    return decode(this.#codec, message) as T;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    // This does not use `receive`, since undefined may be a value too.
    for (
      let message = await this.#channel.receive();
      message !== null;
      message = await this.#channel.receive()
    ) yield this.#decode(message);
  }
}
