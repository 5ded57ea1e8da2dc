/** `Broadcast`: messages from one writer to many readers. */

import { lengthOf, plainBytes } from "../../../ffi/memory.ts";
import { checkMade, type Names } from "../../check/options.ts";
import { formatHandle, type RegionHandle } from "../../object/handle.ts";
import { MmapRegion } from "../../region/mmap_region.ts";
import { BELL } from "./broadcast_layout.ts";
import { type BroadcastStats, broadcastStats } from "./broadcast_reader.ts";
import { BroadcastWriter } from "./broadcast_writer.ts";
import { regionFromEnv } from "../environment.ts";
import { BROADCAST, checkCapacity } from "../kinds.ts";
import { ENDED_BIT, longestMessage, STATE } from "../layout.ts";
import { capacityFrom, JOIN, type JoinOptions, type JoinPlan, joinPlanFrom } from "../options.ts";
import { attachPlaced, createPlaced, PLACE, type Placed, type PlaceOptions } from "../place.ts";
import { RingMemory } from "../ring_memory.ts";
import { type Feed, type SubscribeOptions, Subscriber, type Subscription } from "./subscription.ts";
import { WriterLock } from "./writer_lock.ts";

/** The default environment variable of `env` and `fromEnv`. */
const DEFAULT_VARIABLE = "MMAP_BROADCAST";

const ACTION = "publish message";

/** Stands for the epoch of an object that is not the writer. */
const NOT_WRITER = -1;

/** Options of `Broadcast.create`. */
export interface BroadcastOptions extends JoinOptions, PlaceOptions {
  /**
   * The length of the ring in bytes: rounded up to a power of two, at least 4096. At least three
   * quarters of it hold the newest messages, if each message is short compared to the ring.
   */
  capacity: number;
}

const CREATE: Names<BroadcastOptions> = { ...JOIN, ...PLACE, capacity: true };

/**
 * Messages from one writer to up to 64 readers, each at its own position. The writer never waits. A
 * reader that is too slow loses the oldest messages, learns how many, and continues with the oldest
 * one that is kept.
 *
 * The first process to publish is the writer, and every subscriber is a reader. One object may be
 * both.
 *
 * **Ends.** When the writer closes, readers get what is kept, then null. A process that opens the
 * broadcast after that may publish again, and continues in the same ring. So a restarted program
 * can keep its broadcast in a file.
 *
 * **Deaths.** If the writer died without `close`, receiving throws `Deno.errors.ConnectionReset`
 * once everything that it published was received. A message that it was about to write is not
 * delivered. Another process may become the writer. The death of a reader has no effect on others.
 *
 * The processes may be in any namespaces, and belong to any users who can reach the memory. They must
 * trust each other: a process that can write to the memory can make receiving throw
 * `Deno.errors.InvalidData`, but cannot make anybody crash.
 *
 * The layout in memory is described in `broadcast_layout.ts`.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { Broadcast } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * using feed = Broadcast.create({ capacity: 65536 });
 * using other = Broadcast.attach(feed.handle()); // a child: Broadcast.fromEnv(), given feed.env()
 * using subscription = other.subscribe();
 * feed.publish(new Uint8Array([1, 2, 3]));
 * assertEquals(await subscription.receive(), new Uint8Array([1, 2, 3]));
 * assertEquals(subscription.lost, 0);
 * ```
 */
export class Broadcast implements Disposable {
  readonly #placed: Placed;
  readonly #feed: Feed;
  readonly #ring: BroadcastWriter;
  /** Whether the broadcast had ended when it was opened: then it may begin again. */
  readonly #foundEnded: boolean;
  /** The loss epoch in which this became the writer: a lost page ends that. */
  #writes = NOT_WRITER;
  #closed = false;

  /**
   * @ignore
   * @throws {TypeError} Always, except for the static methods of this class.
   */
  private constructor(placed: Placed, plan: JoinPlan) {
    checkMade(placed, "geometry", "Broadcast.create, attach or fromEnv");
    placed.words.spins = plan.mode !== "block";
    const memory = new RingMemory(placed.words, placed.geometry.capacity);
    this.#placed = placed;
    this.#feed = { memory, writer: new WriterLock(placed.words), plan, subscribers: new Set() };
    this.#ring = new BroadcastWriter(memory);
    this.#foundEnded = hasEnded(memory);
  }

  /**
   * Creates a broadcast in anonymous memory, or under a name or path, where it joins an existing
   * one.
   *
   * A broadcast in a file keeps the newest messages, whoever dies. The creator of a named one
   * removes the name when it closes it.
   *
   * @throws {RangeError} If `capacity` is not a whole number from 1 to 2^30.
   * @throws {TypeError} If an option does not have one of its values.
   * @throws {Deno.errors.AlreadyExists} If something else is there, or a broadcast of another
   * capacity.
   * @throws {Error} ENOSPC: there is not enough memory, or room on the disk.
   */
  static create(options: BroadcastOptions): Broadcast {
    const action = "create broadcast";
    const plan = joinPlanFrom(options, CREATE, action);
    const geometry = { capacity: capacityFrom(options.capacity, action), flags: 0 };
    return new Broadcast(createPlaced(options, BROADCAST, geometry), plan);
  }

  /**
   * Opens the broadcast that a handle leads to.
   *
   * @param handle the result of `handle`, or its text form
   * @throws {Deno.errors.InvalidData} If there is no broadcast.
   * @throws as `MmapRegion.attach` does
   */
  static attach(handle: RegionHandle | string, options: JoinOptions = {}): Broadcast {
    const plan = joinPlanFrom(options, JOIN, "attach to broadcast");
    return open(MmapRegion.attach(handle), (placed) => new Broadcast(placed, plan));
  }

  /**
   * Opens the broadcast that the parent process put into the environment with {@linkcode env}.
   *
   * @param variable default "MMAP_BROADCAST"
   * @throws {Deno.errors.NotFound} If the variable is not set.
   */
  static fromEnv(
    variable: string = DEFAULT_VARIABLE,
    options: JoinOptions = {},
  ): Broadcast {
    const plan = joinPlanFrom(options, JOIN, "attach to broadcast");
    return open(regionFromEnv(variable, "broadcast"), (placed) => new Broadcast(placed, plan));
  }

  /** The length of the ring, in bytes. */
  get capacity(): number {
    return this.#placed.geometry.capacity;
  }

  /** The longest message, in bytes. */
  get maxByteLength(): number {
    return longestMessage(this.capacity);
  }

  /** The region that contains it. */
  get region(): MmapRegion {
    return this.#placed.region;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Publishes a message without waiting: it overwrites the oldest ones.
   *
   * @throws {RangeError} If it is longer than `maxByteLength`.
   * @throws {TypeError} If it is not a Uint8Array.
   * @throws {Deno.errors.Busy} If another process is the writer, and alive.
   * @throws {Deno.errors.BrokenPipe} If the writer has closed since this was opened.
   * @throws {Deno.errors.BadResource} If this is closed.
   */
  publish(message: Uint8Array): void {
    if (!(message instanceof Uint8Array)) plainBytes(message, "message", ACTION);
    const byteLength = lengthOf(message);
    if (byteLength > this.maxByteLength) {
      throw new RangeError(
        `Cannot ${ACTION} as it must be at most ${this.maxByteLength} bytes long: ` +
          `received ${byteLength}`,
      );
    }
    const { memory } = this.#feed;
    if (this.#writes !== memory.words.lossWatch.epoch) this.#becomeWriter();
    this.#ring.publish(message, byteLength);
    memory.check();
  }

  #becomeWriter(): void {
    this.#assertOpen(ACTION);
    const { memory, writer } = this.#feed;
    writer.take();
    try {
      if (hasEnded(memory)) this.#beginAgain();
      this.#ring.reload();
      memory.check();
    } catch (error) {
      writer.leave();
      throw error;
    }
    this.#writes = memory.words.lossWatch.epoch;
  }

  #beginAgain(): void {
    if (!this.#foundEnded) {
      throw new Deno.errors.BrokenPipe(`Cannot ${ACTION}: the broadcast has ended`);
    }
    Atomics.and(this.#feed.memory.cells, STATE, ~ENDED_BIT);
  }

  /**
   * Makes a new reader.
   *
   * @throws {TypeError} If `from` does not have one of its values.
   * @throws {Deno.errors.BadResource} If this is closed.
   *
   * @example A reader that comes late, and one that is too slow
   * ```ts
   * import { Broadcast } from "@mmap/mmap/channel";
   * import { assertEquals } from "@std/assert";
   *
   * using feed = Broadcast.create({ capacity: 4096 });
   * using slow = feed.subscribe();
   * for (let i = 0; i < 1000; i++) feed.publish(new Uint8Array(100).fill(i));
   * using late = feed.subscribe({ from: "oldest" });
   * assertEquals(slow.tryReceive(), late.tryReceive());
   * assertEquals(slow.lost > 900, true);
   * assertEquals(late.lost, 0);
   * ```
   */
  subscribe(options: SubscribeOptions = {}): Subscription {
    this.#assertOpen("subscribe");
    return new Subscriber(this.#feed, options);
  }

  /**
   * How much was published and is kept, and by which process: for monitoring.
   *
   * @throws {Deno.errors.BadResource} If this is closed.
   * @throws {Deno.errors.InvalidData} If the ring is damaged.
   */
  stats(): BroadcastStats {
    this.#assertOpen("read statistics");
    const { memory, writer } = this.#feed;
    return { ...broadcastStats(memory), writer: writer.pid };
  }

  #assertOpen(action: string): void {
    if (!this.#closed) return;
    throw new Deno.errors.BadResource(`Cannot ${action}: the broadcast is closed`);
  }

  /**
   * What another process needs to attach, as plain JSON. It is valid as long as this is open.
   *
   * @throws {Deno.errors.BadResource} If this is closed.
   */
  handle(): RegionHandle {
    return this.region.handle();
  }

  /**
   * The handle as environment variables for `Deno.Command`.
   *
   * @param variable default "MMAP_BROADCAST"
   */
  env(variable: string = DEFAULT_VARIABLE): Record<string, string> {
    return { [variable]: formatHandle(this.handle()) };
  }

  /**
   * Ends the broadcast, if this is the writer, and closes the subscriptions of this object. A second
   * call does nothing.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { memory, subscribers } = this.#feed;
    try {
      for (const subscriber of subscribers) subscriber[Symbol.dispose]();
      // If the memory was lost, somebody else may be the writer now.
      if (this.#writes === memory.words.lossWatch.epoch) this.#end(memory);
    } catch (error) {
      // The region was closed before, so there is nothing to leave.
      if (!this.region.closed) throw error;
    } finally {
      this.region.close();
    }
  }

  #end(memory: RingMemory): void {
    this.#writes = NOT_WRITER;
    // After everything that was published. Pairs with the load in `Subscriber.take`.
    Atomics.or(memory.cells, STATE, ENDED_BIT);
    memory.wake(BELL);
    this.#feed.writer.leave();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function hasEnded(memory: RingMemory): boolean {
  const state = Atomics.load(memory.cells, STATE);
  memory.check();
  return (state & ENDED_BIT) !== 0;
}

function open(region: MmapRegion, make: (placed: Placed) => Broadcast): Broadcast {
  return make(attachPlaced(region, BROADCAST, (placed) => checkCapacity(placed, BROADCAST)));
}
