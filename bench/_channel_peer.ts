/** The other processes of channel_bench.ts, as sides of its comparisons. */

import { Channel, type JoinOptions } from "@mmap/mmap/channel";
import { CALLERS, SENDERS } from "./_channel_work.ts";
import { type Peer, peerPath } from "./_programs.ts";
import { perTurn, type Side } from "./_ratio.ts";
import { MiB } from "./_work.ts";

/** Numbers as a message. */
export function numbers(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Float64Array(values).buffer);
}

/** The numbers that a message holds. */
export function numbersOf(message: Uint8Array<ArrayBuffer>): number[] {
  return [...new Float64Array(message.slice().buffer)];
}

/** The first of them. */
export function numberOf(message: Uint8Array<ArrayBuffer>): number {
  return numbersOf(message)[0]!;
}

/** What both sides of a comparison send. */
export interface Load {
  readonly byteLength: number;
  /** How many messages per round. */
  readonly times: number;
  /** The length of the ring. */
  readonly capacity?: number;
}

/** How a process at the other end is to be. */
export interface ChannelPeerOptions {
  readonly byteLength: number;
  readonly wait?: Required<JoinOptions>["wait"];
  readonly capacity?: number;
}

/** The length of the rings, ours and the C program's, where nothing else is said. */
export const CAPACITY = MiB;

/** A Deno process at the other end of two channels, for as long as it is not disposed. */
export class ChannelPeer implements AsyncDisposable {
  readonly #start = Channel.create({ capacity: 4096, wait: "block" });
  readonly #to: Channel;
  readonly #back: Channel;
  readonly #process: Deno.ChildProcess;
  readonly #byteLength: number;

  /**
   * Starts it.
   *
   * @param what "receive", "answer" or "latency"
   * @param way by which calls
   */
  constructor(what: string, way: string, options: ChannelPeerOptions) {
    const { byteLength, wait = "adaptive", capacity = CAPACITY } = options;
    this.#byteLength = byteLength;
    this.#to = Channel.create({ capacity, wait });
    this.#back = Channel.create({ capacity: CAPACITY, wait });
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", peerPath("channel.ts"), what, way, wait, `${byteLength}`],
      env: {
        ...this.#start.env("START"),
        ...this.#to.env("TO"),
        ...this.#back.env("BACK"),
      },
    }).spawn();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Sends messages, and waits until the other process has them all. */
  sending(name: string, way: keyof typeof SENDERS, times: number): Side {
    return this.#side(name, times, async (count) => {
      await SENDERS[way](this.#to, this.#byteLength, count);
      this.#back.receiveSync();
    });
  }

  /** Sends each message when the last one has come back. */
  calling(name: string, way: keyof typeof CALLERS, times: number): Side {
    return this.#side(
      name,
      times,
      (count) => CALLERS[way](this.#to, this.#back, this.#byteLength, count),
    );
  }

  #side(name: string, times: number, work: (times: number) => void | Promise<void>): Side {
    const run = async (count: number): Promise<void> => {
      this.#start.sendSync(numbers(count));
      await work(count);
    };
    return perTurn(name, times, run);
  }

  /** One round of stamped messages. @returns p50, p99 and p99.9 in nanoseconds */
  latencies(times: number): number[] {
    this.#start.sendSync(numbers(times));
    SENDERS.stamp(this.#to, this.#byteLength, times);
    return numbersOf(this.#back.receiveSync()!);
  }

  /** Stops it and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#start.closeSending();
    await this.#process.status;
    for (const channel of [this.#start, this.#to, this.#back]) channel.close();
  }
}

/** Deno processes that all send into one channel. */
export class Producers implements AsyncDisposable {
  readonly #to: Channel;
  readonly #starts: Channel[];
  readonly #processes: Deno.ChildProcess[];
  readonly #target: Uint8Array;

  constructor(count: number, producers: "single" | "multiple", byteLength: number) {
    this.#target = new Uint8Array(byteLength);
    this.#to = Channel.create({ capacity: CAPACITY, producers });
    this.#starts = Array.from(
      { length: count },
      () => Channel.create({ capacity: 4096, wait: "block" }),
    );
    this.#processes = this.#starts.map((start) =>
      new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", "--no-check", peerPath("channel.ts")],
          ...["send", "sync", "adaptive", `${byteLength}`],
        ],
        env: { ...start.env("START"), ...this.#to.env("TO"), ...this.#to.env("BACK") },
      }).spawn()
    );
  }

  /** Each of them sends its part of the messages, and all are taken. */
  sending(name: string, times: number): Side {
    return perTurn(name, times, (wanted) => {
      const each = Math.ceil(wanted / this.#starts.length);
      for (const start of this.#starts) start.sendSync(numbers(each));
      for (let left = each * this.#starts.length; left > 0; left--) {
        this.#to.receiveIntoSync(this.#target);
      }
    });
  }

  /** Stops them and waits for their end. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const start of this.#starts) start.closeSending();
    for (const process of this.#processes) await process.status;
    for (const channel of [...this.#starts, this.#to]) channel.close();
  }
}

/** A Deno process at the other end of the pipe of a `Deno.Command`. */
export class PipePeer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #load: Load;

  constructor(load: Load) {
    this.#load = load;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        peerPath("channel_pipe.ts"),
        `${load.byteLength}`,
        `${load.times}`,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.getReader();
  }

  /** One write for each message, and an answer to the last. */
  sending(): Side {
    const { byteLength, times } = this.#load;
    return {
      name: "pipe of Deno.Command",
      measure: async () => {
        const message = new Uint8Array(byteLength);
        const start = performance.now();
        for (let i = 0; i < times; i++) {
          message[0] = i;
          await this.#writer.write(message);
        }
        await this.#reader.read();
        return (performance.now() - start) * 1e6 / times;
      },
    };
  }

  /** Stops it and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#process.status;
  }
}

/** Each message goes to a process that sends back what it gets, over the pipes of `Deno.Command`. */
export function echoing(
  { process }: Peer,
  { byteLength, times }: Load,
): Side & { release(): void } {
  const writer = process.stdin.getWriter();
  const reader = process.stdout.getReader();
  const message = new Uint8Array(byteLength);
  const side = perTurn("echo over the pipes of Deno.Command", times, async (count) => {
    for (let i = 0; i < count; i++) {
      await writer.write(message);
      for (let left = message.length; left > 0;) left -= (await reader.read()).value!.length;
    }
  });
  return {
    ...side,
    release(): void {
      writer.releaseLock();
      reader.releaseLock();
    },
  };
}

/** A Worker of this process. */
export class WorkerPeer implements Disposable {
  readonly #worker: Worker = new Worker(import.meta.resolve("./peers/channel_worker.ts"), {
    type: "module",
  });

  /** Each message comes back. */
  calling({ byteLength, times }: Load): Side {
    return {
      name: "postMessage between Workers",
      measure: async () => {
        const message = new Uint8Array(byteLength);
        await this.#call(message);
        const start = performance.now();
        for (let i = 0; i < times; i++) await this.#call(message);
        return (performance.now() - start) * 1e6 / times;
      },
    };
  }

  #call(message: unknown): Promise<unknown> {
    const answered = new Promise((resolve) => this.#worker.onmessage = resolve);
    this.#worker.postMessage(message);
    return answered;
  }

  /** One answer to all messages. */
  sending({ byteLength, times }: Load): Side {
    return {
      name: "postMessage to a Worker of Deno",
      measure: async () => {
        const message = new Uint8Array(byteLength);
        const start = performance.now();
        this.#worker.postMessage(times);
        for (let i = 1; i < times; i++) this.#worker.postMessage(message);
        await this.#call(message);
        return (performance.now() - start) * 1e6 / times;
      },
    };
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
