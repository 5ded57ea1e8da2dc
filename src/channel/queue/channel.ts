/** `Channel`: messages between processes. */

import type { RegionHandle } from "../../object/handle.ts";
import { formatHandle } from "../../object/handle.ts";
import { MappingFaultError } from "../../mapping/fault_error.ts";
import { MmapRegion } from "../../region/mmap_region.ts";
import type { SyncWaitOptions, WaitOptions } from "../../wait/patience.ts";
import { Membership } from "./endpoints.ts";
import { Consumer } from "./consumer.ts";
import type { Message } from "./message.ts";
import { DEFAULT_VARIABLE, regionFromEnv } from "../environment.ts";
import type { Geometry } from "../header.ts";
import { HEADER_BYTE_LENGTH, longestMessage } from "../layout.ts";
import * as layout from "./queue_layout.ts";
import { capacityFrom, JOIN, type JoinOptions, type JoinPlan, joinPlanFrom } from "../options.ts";
import {
  type ChannelOptions,
  checkGeometry,
  CREATE,
  flagsFrom,
  geometryOver,
  SHAPE,
  type ShapeOptions,
} from "./options.ts";
import {
  attachPlaced,
  closingOnError,
  createPlaced,
  findOver,
  type Placed,
  placeOver,
} from "../place.ts";
import { checkMade } from "../../check/options.ts";
import { Producer } from "./producer.ts";
import type { Slot } from "./slot.ts";
import { RingMemory } from "../ring_memory.ts";
import { CHANNEL } from "../kinds.ts";
import { type ChannelStats, statsOf } from "./stats.ts";
import { readableOf, writableOf } from "./streams.ts";
import type { Fields, Struct } from "../../struct/types.ts";
import { type StructChannels, structChannels } from "./struct_channel.ts";
import { type Values, valuesOf, type ValuesOptions } from "./values.ts";

/**
 * A queue of messages in shared memory, from one process or Worker to another: whole messages of 0 to
 * `maxByteLength` bytes, in the order in which they were sent. Sending and receiving are a few atomic
 * operations and a copy. A system call is made only to wake somebody who sleeps.
 *
 * A channel has one direction. The first process to send is its producer, and the first to receive
 * is its consumer. With "multiple", there may be several, and every message goes to one consumer.
 *
 * **Ends.** After `closeSending`, or when the last producer closes, consumers get the remaining
 * messages and then null. When the last consumer closes, sending throws `Deno.errors.BrokenPipe`.
 *
 * **Deaths.** If a producer died without `close`, receiving throws `Deno.errors.ConnectionReset`
 * once everything that it sent was received. A message that it was about to write is not delivered.
 * If a consumer died, sending throws the same once the channel is full. Messages that the consumer
 * had not released yet go to the next one. So every message arrives once, and across a consumer's
 * death at least once. A process that ends without closing the channel counts as dead: use `using`.
 * Another process may take over from a dead one at any time.
 *
 * The processes may be in any namespaces, and belong to any users who can reach the memory. They must
 * trust each other: a process that can write to the memory can make receiving throw
 * `Deno.errors.InvalidData`, but cannot make anybody crash.
 *
 * The layout in memory is described in `queue_layout.ts`.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example Two ends in one process
 * ```ts
 * import { Channel } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * using channel = Channel.create({ capacity: 65536 });
 * using other = Channel.attach(channel.handle()); // a child: Channel.fromEnv(), given channel.env()
 * await channel.send(new TextEncoder().encode("hello"));
 * channel.closeSending();
 * for await (const message of other) {
 *   assertEquals(new TextDecoder().decode(message), "hello");
 * }
 * assertEquals(other.ended, true);
 * ```
 */
export class Channel implements Disposable, AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly #placed: Placed;
  readonly #ownsRegion: boolean;
  readonly #memory: RingMemory;
  readonly #membership: Membership;
  readonly #producer: Producer;
  readonly #consumer: Consumer;
  #closed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  /**
   * @ignore
   * @throws {TypeError} Always, except for the static methods of this class.
   */
  private constructor(placed: Placed, ownsRegion: boolean, plan: JoinPlan) {
    checkMade(placed, "geometry", "Channel.create, over, attach or fromEnv");
    const memory = new RingMemory(placed.words, placed.geometry.capacity);
    const { flags } = placed.geometry;
    placed.words.spins = plan.mode !== "block";
    this.#placed = placed;
    this.#memory = memory;
    this.#ownsRegion = ownsRegion;
    this.#membership = new Membership(placed.words);
    this.#producer = new Producer(memory, this.#membership, {
      action: "send message",
      role: layout.PRODUCER_BIT,
      otherRole: layout.CONSUMER_BIT,
      longestBreak: 64,
      bell: layout.SEND_BELL,
      lock: layout.SEND_LOCK,
      single: (flags & layout.MANY_PRODUCERS_BIT) === 0,
      ...plan,
    });
    this.#consumer = new Consumer(memory, this.#membership, {
      action: "receive message",
      role: layout.CONSUMER_BIT,
      otherRole: layout.PRODUCER_BIT,
      longestBreak: 2,
      bell: layout.RECEIVE_BELL,
      lock: layout.RECEIVE_LOCK,
      single: (flags & layout.MANY_CONSUMERS_BIT) === 0,
      ...plan,
    });
  }

  /**
   * Creates a channel in anonymous memory, or under a name or path, where it joins an existing one.
   *
   * A channel in a file keeps messages that were not received, whoever dies; but once it has ended,
   * it stays ended. The creator of a named one removes the name when it closes the channel.
   *
   * @throws {RangeError} If `capacity` is not a whole number from 1 to 2^30.
   * @throws {TypeError} If an option does not have one of its values.
   * @throws {Deno.errors.AlreadyExists} If something else is there, or a channel of another shape.
   * @throws {Error} ENOSPC: there is not enough memory, or room on the disk.
   */
  static create(options: ChannelOptions): Channel {
    return Channel.#create(options, 0n);
  }

  static #create(options: ChannelOptions, layout: bigint): Channel {
    const action = "create channel";
    const plan = joinPlanFrom(options, CREATE, action);
    const geometry: Geometry = {
      capacity: capacityFrom(options.capacity, action),
      flags: flagsFrom(options, action),
      layout,
    };
    return Channel.#owning(createPlaced(options, CHANNEL, geometry), plan);
  }

  /**
   * The channel at a place in a region: joins an existing one, or creates one in zeroed memory. It
   * takes 4096 bytes and its capacity. Closing it leaves the region open; it must be closed before
   * the region is.
   *
   * @param byteOffset where it lies, a multiple of 64
   * @param options `capacity` is by default the largest that fits
   * @throws {RangeError} If it does not fit there.
   * @throws {TypeError} If the region cannot be written to.
   * @throws {Error} ENOSPC: the file or object is sparse, and there is no room for its holes.
   * @throws {Deno.errors.AlreadyExists} If something else is there, or a channel of another shape.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  static over(region: MmapRegion, byteOffset: number = 0, options: ShapeOptions = {}): Channel {
    const plan = joinPlanFrom(options, SHAPE, "place channel");
    const found = findOver(region, byteOffset, CHANNEL);
    const available = region.byteLength - byteOffset - HEADER_BYTE_LENGTH;
    const geometry = geometryOver(options, available, found?.geometry);
    const placed = placeOver(region, byteOffset, CHANNEL, geometry);
    return new Channel(checkGeometry(placed, 0n), false, plan);
  }

  /**
   * The channel that a handle leads to.
   *
   * @param handle the result of `handle`, or its text form
   * @throws {Deno.errors.InvalidData} If there is no channel.
   * @throws as `MmapRegion.attach` does
   */
  static attach(handle: RegionHandle | string, options: JoinOptions = {}): Channel {
    return Channel.#attach(() => MmapRegion.attach(handle), options);
  }

  static #attach(open: () => MmapRegion, options: JoinOptions, layout?: bigint): Channel {
    const plan = joinPlanFrom(options, JOIN, "attach to channel");
    const placed = attachPlaced(open(), CHANNEL, (found) => checkGeometry(found, layout));
    return Channel.#owning(placed, plan);
  }

  /**
   * The channel that the parent process put into the environment with {@linkcode env}.
   *
   * @param variable default "MMAP_CHANNEL"
   * @throws {Deno.errors.NotFound} If the variable is not set.
   */
  static fromEnv(variable: string = DEFAULT_VARIABLE, options: JoinOptions = {}): Channel {
    return Channel.#attach(() => regionFromEnv(variable, "channel"), options);
  }

  /**
   * Channels of records instead of bytes: messages of one fixed layout, written and read in place.
   * An attaching process must use a struct of the same layout.
   *
   * @param type made by `struct` of `./struct`
   * @throws {TypeError} If `type` is not a struct.
   *
   * @example
   * ```ts
   * import { Channel } from "@mmap/mmap/channel";
   * import { f64, struct, u32 } from "@mmap/mmap/struct";
   * import { assertEquals } from "@std/assert";
   *
   * const Tick = struct({ time: f64, price: f64, size: u32 });
   * using sender = Channel.of(Tick).create({ capacity: 65536 });
   * using receiver = Channel.of(Tick).attach(sender.handle());
   * sender.sendSync({ time: 1, price: 99.5, size: 10 });
   * using message = receiver.peek()!;
   * assertEquals(message.record.price, 99.5);
   * ```
   */
  static of<F extends Fields>(type: Struct<F>): StructChannels<F, Channel> {
    return structChannels(type, {
      create: (options, layout) => Channel.#create(options, layout),
      attach: (handle, options, layout) =>
        Channel.#attach(() => MmapRegion.attach(handle), options, layout),
      fromEnv: (variable, options, layout) =>
        Channel.#attach(() => regionFromEnv(variable, "channel"), options, layout),
    });
  }

  /** @throws {Deno.errors.Busy} If the channel has no free endpoint; then the region is closed. */
  static #owning(placed: Placed, plan: JoinPlan): Channel {
    return closingOnError(placed.region, () => new Channel(placed, true, plan));
  }

  /** The length of the ring, in bytes. */
  get capacity(): number {
    return this.#placed.geometry.capacity;
  }

  /** The longest message, in bytes. */
  get maxByteLength(): number {
    return longestMessage(this.capacity);
  }

  /** The region that the channel lies in. */
  get region(): MmapRegion {
    return this.#placed.region;
  }

  /** Whether the channel was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Whether the channel has ended and all messages were received.
   *
   * @throws {Deno.errors.BadResource} If the channel is closed.
   */
  get ended(): boolean {
    this.#consumer.assertOpen();
    const ended = this.#consumer.hasEnded;
    this.#memory.check();
    return ended;
  }

  /**
   * Sends a message if there is room for it now.
   *
   * @returns false if there is none, or if awaited messages come first
   * @throws {RangeError} If it is longer than `maxByteLength`.
   * @throws {Deno.errors.BrokenPipe} If the channel has ended, or the last consumer has left.
   * @throws {Deno.errors.Busy} If another one is the only producer, or a slot is reserved.
   * @throws {Deno.errors.BadResource} If the channel is closed.
   */
  trySend(message: Uint8Array): boolean {
    return this.#producer.trySend(message);
  }

  /**
   * Sends a message, and blocks this thread as long as there is no room for it. It does not wait
   * for awaited messages that are still waiting for room.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws {Deno.errors.ConnectionReset} If the consumer is dead.
   * @throws as {@linkcode trySend}
   */
  sendSync(message: Uint8Array, options?: SyncWaitOptions): void {
    this.#producer.sendSync(message, options);
  }

  /**
   * Sends a message, and waits as long as there is no room for it, without blocking the event loop.
   * Messages are sent in the order of the calls. The message must not change until it is sent.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   * @throws {Deno.errors.ConnectionReset} If the consumer is dead.
   * @throws as {@linkcode trySend}
   */
  send(message: Uint8Array, options?: WaitOptions): Promise<void> {
    return this.#producer.send(message, options);
  }

  /**
   * Sends messages one after the other, and publishes many at a time, which is quicker than calling
   * {@linkcode send} for each. If it fails, some may have been sent.
   *
   * @throws as {@linkcode send}
   */
  sendMany(messages: Iterable<Uint8Array>, options?: WaitOptions): Promise<void> {
    return this.#producer.sendMany(messages, options);
  }

  /**
   * Takes a message if there is one now.
   *
   * @returns null if there is none, or if awaited calls come first
   * @throws {Deno.errors.Busy} If another one is the only consumer, or a message is peeked.
   * @throws {Deno.errors.BadResource} If the channel is closed.
   */
  tryReceive(): Uint8Array<ArrayBuffer> | null {
    return this.#consumer.tryReceive();
  }

  /**
   * Takes a message, and blocks this thread as long as there is none.
   *
   * @returns null if the channel has ended and nothing is left
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws {Deno.errors.ConnectionReset} If the producer is dead and nothing is left.
   * @throws as {@linkcode tryReceive}
   */
  receiveSync(options?: SyncWaitOptions): Uint8Array<ArrayBuffer> | null {
    return this.#consumer.receiveSync(options);
  }

  /**
   * Takes a message, and waits as long as there is none, without blocking the event loop. Several
   * calls get messages in the order of the calls.
   *
   * @returns null if the channel has ended and nothing is left
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   * @throws {Deno.errors.ConnectionReset} If the producer is dead and nothing is left.
   * @throws as {@linkcode tryReceive}
   */
  receive(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#consumer.receive(options);
  }

  /**
   * Copies a message, if there is one now, into memory of the caller, without allocating.
   *
   * @param target where the message goes, from its first byte on
   * @returns the length of the message in bytes; null if there is none, or if awaited calls come
   * first
   * @throws {RangeError} If the message is longer than `target`; it then stays in the channel.
   * @throws {TypeError} If `target` is not a Uint8Array.
   * @throws as {@linkcode tryReceive}
   */
  tryReceiveInto(target: Uint8Array): number | null {
    return this.#consumer.tryReceiveInto(target);
  }

  /**
   * As {@linkcode tryReceiveInto}, and blocks this thread as long as there is no message.
   *
   * @returns how many bytes the message has; null if the channel has ended and nothing is left
   * @throws as {@linkcode tryReceiveInto} and {@linkcode receiveSync}
   */
  receiveIntoSync(target: Uint8Array, options?: SyncWaitOptions): number | null {
    return this.#consumer.receiveIntoSync(target, options);
  }

  /**
   * As {@linkcode receiveIntoSync}, without blocking the event loop. `target` must be left alone until
   * then.
   *
   * @returns how many bytes the message has; null if the channel has ended and nothing is left
   * @throws as {@linkcode tryReceiveInto} and {@linkcode receive}
   */
  receiveInto(target: Uint8Array, options?: WaitOptions): Promise<number | null> {
    return this.#consumer.receiveInto(target, options);
  }

  /**
   * Waits for a message, and takes all messages that are there then.
   *
   * @param max how many at most
   * @returns an empty array if the channel has ended and nothing is left
   * @throws as {@linkcode receive}
   */
  receiveMany(max: number, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#consumer.receiveMany(max, options);
  }

  /**
   * Reserves room for a message that is written in place, without a copy. Until the slot is
   * committed or disposed, neither this channel nor another producer sends anything else.
   *
   * @returns null if there is no room now
   * @throws {RangeError} If `byteLength` is more than `maxByteLength`.
   * @throws as {@linkcode trySend}
   *
   * @example
   * ```ts
   * import { Channel } from "@mmap/mmap/channel";
   * import { assertEquals } from "@std/assert";
   *
   * using channel = Channel.create({ capacity: 4096 });
   * {
   *   using slot = channel.reserve(3)!;
   *   slot.bytes.fill(7);
   *   slot.commit();
   * }
   * {
   *   using message = channel.peek()!;
   *   assertEquals(message.bytes, new Uint8Array([7, 7, 7]));
   * }
   * ```
   */
  reserve(byteLength: number): Slot | null {
    return this.#producer.reserve(byteLength);
  }

  /**
   * The next message, in place and without a copy; disposing it releases it. Until then, neither
   * this channel nor another consumer receives anything else. If this process dies before that, the
   * message goes to the next consumer.
   *
   * @returns null if there is none now
   * @throws as {@linkcode tryReceive}
   */
  peek(): Message | null {
    return this.#consumer.peek();
  }

  /**
   * As {@linkcode peek}, and waits as long as there is no message, without blocking the event loop.
   *
   * @returns null if the channel has ended and nothing is left
   * @throws as {@linkcode receive}
   */
  receiveInPlace(options?: WaitOptions): Promise<Message | null> {
    return this.#consumer.receiveInPlace(options);
  }

  /**
   * How much was sent and received, and by which processes: for monitoring, and to see why a
   * program waits.
   *
   * @throws {Deno.errors.BadResource} If the channel is closed.
   */
  stats(): ChannelStats {
    this.#consumer.assertOpen();
    const stats = statsOf(this.#memory, this.#membership);
    this.#memory.check();
    return stats;
  }

  /**
   * The messages as a stream; the same stream each time. Cancelling it does not close the channel.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#consumer.assertOpen();
    return this.#readable ??= readableOf(this);
  }

  /**
   * A stream that sends each chunk as a message, or as several if it is longer than
   * `maxByteLength`; the same stream each time. Closing or aborting it ends the channel.
   */
  get writable(): WritableStream<Uint8Array> {
    this.#producer.assertOpen();
    return this.#writable ??= writableOf(this);
  }

  /**
   * The channel for values instead of bytes. Both ends have to use the same encoding.
   *
   * @typeParam T the type of the values
   */
  values<T>(options?: ValuesOptions): Values<T> {
    return valuesOf<T>(this, options);
  }

  /**
   * What another process needs to attach, as plain JSON. It is valid as long as this channel is open.
   *
   * @throws {Deno.errors.BadResource} If the channel is closed.
   */
  handle(): RegionHandle {
    this.#consumer.assertOpen();
    const { region, byteOffset } = this.#placed;
    const handle = region.handle();
    const byteLength = HEADER_BYTE_LENGTH + this.capacity;
    return { ...handle, byteOffset: handle.byteOffset + byteOffset, byteLength };
  }

  /**
   * The handle as environment variables for `Deno.Command`.
   *
   * @param variable default "MMAP_CHANNEL"
   */
  env(variable: string = DEFAULT_VARIABLE): Record<string, string> {
    return { [variable]: formatHandle(this.handle()) };
  }

  /**
   * Ends the channel for all producers: consumers get the remaining messages, then null. May be
   * repeated.
   *
   * @throws {Deno.errors.Busy} If another one is the only producer, or a slot is reserved.
   * @throws {Deno.errors.BadResource} If the channel is closed.
   */
  closeSending(): void {
    this.#producer.closeSending();
  }

  /**
   * Leaves the channel. A reserved slot is given up, a peeked message goes to the next consumer, and
   * calls that wait fail with `Deno.errors.BadResource`. Closing a closed channel does nothing.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { region } = this.#placed;
    try {
      this.#producer.close();
      this.#consumer.close();
      this.#membership.leave((role) => {
        if (role === layout.PRODUCER_BIT) this.#producer.deserted();
        else this.#consumer.deserted();
      });
    } catch (error) {
      // The region was closed or lost before, so there is nothing to leave.
      if (!region.closed && !(error instanceof MappingFaultError)) throw error;
    } finally {
      if (this.#ownsRegion) region.close();
    }
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes all messages up to the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let message = await this.receive(); message !== null; message = await this.receive()) {
      yield message;
    }
  }
}
