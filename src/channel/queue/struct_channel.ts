/** Channels whose messages are records of a struct. */

import type { RegionHandle } from "../../object/handle.ts";
import type { Fields, RecordInit, Struct, StructRecord } from "../../struct/types.ts";
import { Layout } from "../../struct/field_type.ts";
import type { SyncWaitOptions, WaitOptions } from "../../wait/patience.ts";
import type { Message } from "./message.ts";
import { DEFAULT_VARIABLE } from "../environment.ts";
import { checkMade } from "../../check/options.ts";
import type { JoinOptions } from "../options.ts";
import type { ChannelOptions } from "./options.ts";
import type { Slot } from "./slot.ts";

/** Creates and opens channels of records; made by `Channel.of`. */
export interface StructChannels<F extends Fields, C extends Disposable> {
  /** As `Channel.create`. */
  create(options: ChannelOptions): StructChannel<F, C>;
  /** As `Channel.attach`. @throws {Deno.errors.InvalidData} If its messages have another layout. */
  attach(handle: RegionHandle | string, options?: JoinOptions): StructChannel<F, C>;
  /** As `Channel.fromEnv`. @throws {Deno.errors.InvalidData} If its messages have another layout. */
  fromEnv(variable?: string, options?: JoinOptions): StructChannel<F, C>;
}

/** Opens the channels underneath; the layout is the hash in their header. */
interface Openers<C extends Carrier> {
  create(options: ChannelOptions, layout: bigint): C;
  attach(handle: RegionHandle | string, options: JoinOptions, layout: bigint): C;
  fromEnv(variable: string, options: JoinOptions, layout: bigint): C;
}

/** A slot for a record that is written in place: see `StructChannel.reserve`. */
export interface RecordSlot<F extends Fields> extends Disposable {
  /** Zeros at first. Its fields throw a `TypeError` after the channel is closed. */
  readonly record: StructRecord<F>;
  /** Sends it. @throws as `Slot.commit` */
  commit(): void;
}

/** A record that is read in place: see `StructChannel.peek`. Disposing it releases it. */
export interface RecordMessage<F extends Fields> extends Disposable {
  /** The record, which must not be used after it is released. */
  readonly record: StructRecord<F>;
}

/** The channel that carries the records: a `Channel`. */
interface Carrier extends AsyncIterable<Uint8Array<ArrayBuffer>>, Disposable {
  /** As `Channel.trySend`. */
  trySend(message: Uint8Array): boolean;
  /** As `Channel.sendSync`. */
  sendSync(message: Uint8Array, options?: SyncWaitOptions): void;
  /** As `Channel.send`. */
  send(message: Uint8Array, options?: WaitOptions): Promise<void>;
  /** As `Channel.tryReceive`. */
  tryReceive(): Uint8Array<ArrayBuffer> | null;
  /** As `Channel.receiveSync`. */
  receiveSync(options?: SyncWaitOptions): Uint8Array<ArrayBuffer> | null;
  /** As `Channel.receive`. */
  receive(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null>;
  /** As `Channel.reserve`. */
  reserve(byteLength: number): Slot | null;
  /** As `Channel.peek`. */
  peek(): Message | null;
  /** As `Channel.receiveInPlace`. */
  receiveInPlace(options?: WaitOptions): Promise<Message | null>;
  /** As `Channel.handle`. */
  handle(): RegionHandle;
  /** As `Channel.env`. */
  env(variable?: string): Record<string, string>;
  /** As `Channel.closeSending`. */
  closeSending(): void;
  /** As `Channel.close`. */
  close(): void;
}

let structChannelOver: <F extends Fields, C extends Carrier>(
  type: Struct<F>,
  channel: C,
) => StructChannel<F, C>;

/** A channel of records of one struct, created and opened by `Channel.of(type)`. */
export class StructChannel<F extends Fields, C extends Disposable>
  implements Disposable, AsyncIterable<StructRecord<F>> {
  /** The channel of bytes underneath, for `stats`, `ended` and other members. */
  readonly channel: C;
  readonly #carrier: Carrier;
  readonly #type: Struct<F>;
  /** A buffer in which values become bytes before they are sent. */
  readonly #scratch: Uint8Array<ArrayBuffer>;
  readonly #draft: StructRecord<F>;

  static {
    structChannelOver = (type, channel) => new StructChannel(type, channel);
  }

  /** @ignore */
  private constructor(type: Struct<F>, channel: C & Carrier) {
    checkMade(channel, "region", "Channel.of");
    this.channel = channel;
    this.#carrier = channel;
    this.#type = type;
    this.#scratch = new Uint8Array(type.byteLength);
    this.#draft = type.at(this.#scratch);
  }

  /**
   * Sends a record if there is room for it now. Fields that are missing in `values` are zero.
   *
   * @returns false if there is none
   * @throws as `Channel.trySend`, and as `set` of a record
   */
  trySend(values: RecordInit<F>): boolean {
    return this.#carrier.trySend(this.#encode(values));
  }

  /** As {@linkcode trySend}, and blocks this thread until there is room. @throws as `Channel.sendSync` */
  sendSync(values: RecordInit<F>, options?: SyncWaitOptions): void {
    this.#carrier.sendSync(this.#encode(values), options);
  }

  /** As {@linkcode trySend}, and waits until there is room. @throws as `Channel.send` */
  async send(values: RecordInit<F>, options?: WaitOptions): Promise<void> {
    // A copy, since the next call may come before this one has room.
    await this.#carrier.send(this.#encode(values).slice(), options);
  }

  #encode(values: RecordInit<F>): Uint8Array<ArrayBuffer> {
    this.#scratch.fill(0);
    this.#draft.set(values);
    return this.#scratch;
  }

  /** Takes a record if there is one now, else null. It is a copy, in memory of its own. */
  tryReceive(): StructRecord<F> | null {
    return this.#decode(this.#carrier.tryReceive());
  }

  /** Takes a record; null at the end. @throws as `Channel.receiveSync` */
  receiveSync(options?: SyncWaitOptions): StructRecord<F> | null {
    return this.#decode(this.#carrier.receiveSync(options));
  }

  /** Takes a record; null at the end. @throws as `Channel.receive` */
  async receive(options?: WaitOptions): Promise<StructRecord<F> | null> {
    return this.#decode(await this.#carrier.receive(options));
  }

  /** @throws {Deno.errors.InvalidData} If the message is not as long as the struct. */
  #decode(message: Uint8Array<ArrayBuffer> | null): StructRecord<F> | null {
    if (message === null) return null;
    this.#checkLength(message);
    return this.#type.at(message);
  }

  #checkLength(message: Uint8Array): void {
    const { byteLength } = this.#type;
    if (message.length === byteLength) return;
    throw new Deno.errors.InvalidData(
      `Cannot receive record of ${byteLength} bytes: the message has ${message.length}`,
    );
  }

  /** Room for a record in the channel's memory; null if there is none now. As `Channel.reserve`. */
  reserve(): RecordSlot<F> | null {
    const slot = this.#carrier.reserve(this.#type.byteLength);
    if (slot === null) return null;
    slot.bytes.fill(0);
    return new ReservedRecord(this.#type.at(slot.bytes), slot);
  }

  /** The next record, in the channel's memory; null if there is none now. As `Channel.peek`. */
  peek(): RecordMessage<F> | null {
    return this.#peeked(this.#carrier.peek());
  }

  /** As {@linkcode peek}, and waits for a record; null at the end. @throws as `Channel.receiveInPlace` */
  async receiveInPlace(options?: WaitOptions): Promise<RecordMessage<F> | null> {
    return this.#peeked(await this.#carrier.receiveInPlace(options));
  }

  #peeked(message: Message | null): RecordMessage<F> | null {
    if (message === null) return null;
    try {
      this.#checkLength(message.bytes);
    } catch (error) {
      message[Symbol.dispose](); // or it would block the channel for ever
      throw error;
    }
    return new PeekedRecord(this.#type.at(message.bytes), message);
  }

  /** As `Channel.handle`. */
  handle(): RegionHandle {
    return this.#carrier.handle();
  }

  /** As `Channel.env`. */
  env(variable?: string): Record<string, string> {
    return this.#carrier.env(variable);
  }

  /** As `Channel.closeSending`. */
  closeSending(): void {
    this.#carrier.closeSending();
  }

  /** As `Channel.close`. */
  close(): void {
    this.#carrier.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes all records up to the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StructRecord<F>, void, void> {
    for await (const message of this.#carrier) yield this.#decode(message)!;
  }
}

class ReservedRecord<F extends Fields> implements RecordSlot<F> {
  readonly record: StructRecord<F>;
  readonly #slot: Slot;

  constructor(record: StructRecord<F>, slot: Slot) {
    this.record = record;
    this.#slot = slot;
  }

  commit(): void {
    this.#slot.commit();
  }

  [Symbol.dispose](): void {
    this.#slot[Symbol.dispose]();
  }
}

class PeekedRecord<F extends Fields> implements RecordMessage<F> {
  readonly record: StructRecord<F>;
  readonly #message: Message;

  constructor(record: StructRecord<F>, message: Message) {
    this.record = record;
    this.#message = message;
  }

  [Symbol.dispose](): void {
    this.#message[Symbol.dispose]();
  }
}

/** For `Channel.of`. @throws {TypeError} If the type is not a struct of this module. */
export function structChannels<F extends Fields, C extends Carrier>(
  type: Struct<F>,
  openers: Openers<C>,
): StructChannels<F, C> {
  if (!(type instanceof Layout) || typeof (type as Partial<Struct<F>>).at !== "function") {
    throw new TypeError("Cannot open channel of records as it needs a struct of `./struct`");
  }
  const layout = BigInt(`0x${type.layoutHash}`);
  const over = (channel: C) => structChannelOver(type, channel);
  return {
    create: (options) => over(openers.create(options, layout)),
    attach: (handle, options = {}) => over(openers.attach(handle, options, layout)),
    fromEnv: (variable = DEFAULT_VARIABLE, options = {}) =>
      over(openers.fromEnv(variable, options, layout)),
  };
}
