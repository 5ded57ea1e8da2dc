/** The other processes of the channel tests: the channel is in their environment. */

import { MmapRegion } from "@mmap/mmap";
import { Channel, type ChannelOptions } from "@mmap/mmap/channel";
import { chars, f64, i32, struct, u64 } from "@mmap/mmap/struct";
import { act } from "../_act.ts";
import { splitLines } from "../_child.ts";
import { numbered, numberOf } from "./_channels.ts";
import { hashOf, randomOf } from "./_hashes.ts";

const channel = Channel.fromEnv();

const say = (line: string): void => console.log(line);

/** Lives until it is killed. */
const stay = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1e6));

/** Lives until the test ends it, or is not there any more. */
async function stayWithTest(): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines());
  for await (const _ of lines);
}

const indexOf = (bytes: Uint8Array): number => new Int32Array(bytes.slice().buffer)[0]!;

await act({
  /** Sends so many messages: who, which, and a pattern. */
  async produce(id: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const message = new Uint8Array(16 + (i * 37) % 300).fill(i);
      new Float64Array(message.buffer, 0, 2).set([id, i]);
      if (i % 3 === 0) await channel.send(message);
      else channel.sendSync(message);
    }
    channel.close();
  },

  /** Receives all messages of `produce`. @returns who and which each was */
  async consume(): Promise<[number, number][]> {
    const seen: [number, number][] = [];
    while (true) {
      const message = seen.length % 2 ? await channel.receive() : channel.receiveSync();
      if (message === null) break;
      const [id, i] = new Float64Array(message.buffer, 0, 2) as unknown as [number, number];
      const rest = message.subarray(16);
      if (message.length !== 16 + (i * 37) % 300 || !rest.every((byte) => byte === (i & 0xff))) {
        throw new Error("torn message");
      }
      seen.push([id, i]);
    }
    channel.close();
    return seen;
  },

  async digest(): Promise<void> {
    for (let m = channel.receiveSync(); m !== null; m = await channel.receive()) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", m)) as
        & Uint8Array
        & { toHex(): string };
      say(`${m.length} ${digest.toHex()}`);
    }
  },

  echo(wait: "adaptive" | "block" | "spin"): void {
    const back = Channel.fromEnv("BACK", { wait });
    for (let m = channel.receiveSync(); m !== null; m = channel.receiveSync()) back.sendSync(m);
    back.close();
    channel.close();
  },

  async sendAndStay(): Promise<void> {
    for (let i = 0; i < 3; i++) channel.sendSync(numbered(i));
    const slot = channel.reserve(8)!;
    slot.bytes.fill(255);
    say("reserved");
    await stay();
  },

  async peekAndStay(): Promise<void> {
    channel.receiveSync();
    const message = channel.peek()!;
    say(String(numberOf(message.bytes.slice())));
    await stay();
  },

  /** Becomes a consumer that takes nothing. */
  async join(): Promise<void> {
    channel.tryReceive();
    say("joined");
    await stayWithTest();
  },

  /** Is there, and takes no part. */
  async comeUp(): Promise<void> {
    say("up");
    await stay();
  },

  sendHundred(): void {
    say("ready");
    for (let i = 0; i < 100; i++) channel.sendSync(numbered(i));
    channel.close();
  },

  sendNumbers(count: number): void {
    for (let i = 0; i < count; i++) channel.sendSync(numbered(i));
    channel.close();
    say("done");
  },

  async receiveNumbers(): Promise<void> {
    let next = 0;
    for await (const m of channel) if (numberOf(m) !== next++) throw new Error("out of order");
    say(String(next));
  },

  sendLong(): void {
    for (let i = 0; i < 300; i++) channel.sendSync(new Uint8Array(1000).fill(i));
    channel.close();
  },

  /** Sends as fast as it can until it is killed: its number, how many it sent before, and a pattern. */
  async flood(id: number): Promise<void> {
    say("up");
    for (let i = 0;; i++) {
      const message = new Uint8Array(16 + (i * 53) % 700).fill(i);
      new Float64Array(message.buffer, 0, 2).set([id, i]);
      if (i % 4 === 0) {
        const slot = channel.reserve(message.length);
        if (slot === null) {
          i--;
          await 0;
          continue;
        }
        slot.bytes.set(message);
        slot.commit();
      } else if (i % 4 === 1) await channel.send(message);
      else channel.sendSync(message);
    }
  },

  /** Marks each message in place before it releases it, until it is killed. */
  async mark(): Promise<void> {
    const marks = MmapRegion.fromEnv().view(Int32Array);
    say("up");
    while (true) {
      const message = channel.peek();
      if (message === null) {
        await 0;
        continue;
      }
      Atomics.add(marks, indexOf(message.bytes), 1);
      message[Symbol.dispose]();
    }
  },

  /** Sends messages of 0 bytes to 1 MiB. @returns their hashes */
  async sendAll(
    id: number,
    count: number,
    most: number,
    options: ChannelOptions,
  ): Promise<number[]> {
    const channel = Channel.fromEnv("CHANNEL", options);
    const random = randomOf(id * 7919);
    const next = (): number => random.next().value;
    const pattern = new Uint32Array(1 << 18);
    for (let i = 0; i < pattern.length; i++) pattern[i] = next();
    const source = new Uint8Array(pattern.buffer);
    const sent: number[] = [];
    for (let i = 0; i < count; i++) {
      // As many short ones as long ones.
      const length = Math.min(most, next() % (1 << (next() % 21)) + (i % 17 === 0 ? 0 : 1));
      if (length < 8) {
        // No room for who and which: only its hash counts.
        const message = source.slice(i, i + length);
        await channel.send(message);
        sent.push(hashOf(message));
        continue;
      }
      const message = source.slice(0, length);
      new Int32Array(message.buffer, 0, 2).set([id, i]);
      if (i % 3 === 0) channel.sendSync(message);
      else if (i % 3 === 1) await channel.sendMany([message]);
      else {
        const slot = channel.reserve(length);
        if (slot === null) await channel.send(message);
        else {
          slot.bytes.set(message);
          slot.commit();
        }
      }
      sent.push(hashOf(message));
    }
    channel.close();
    return sent;
  },

  /** Receives in every way what `sendAll` sends. @returns the hashes */
  async receiveAll(options: ChannelOptions): Promise<number[]> {
    const channel = Channel.fromEnv("CHANNEL", options);
    const received: number[] = [];
    const target = new Uint8Array(1 << 20);
    const last = new Map<number, number>();
    for (let n = 0;; n++) {
      let message: Uint8Array<ArrayBuffer> | null = null;
      if (n % 4 === 0) message = await channel.receive();
      else if (n % 4 === 1) message = channel.receiveSync();
      else if (n % 4 === 2) {
        const length = await channel.receiveInto(target);
        if (length !== null) message = target.slice(0, length);
      } else {
        using peeked = channel.peek();
        if (peeked === null) continue;
        message = peeked.bytes.slice();
      }
      if (message === null) break;
      received.push(hashOf(message.slice()));
      if (message.length < 8) continue;
      const [id, i] = new Int32Array(message.slice(0, 8).buffer) as unknown as [number, number];
      if (i <= (last.get(id) ?? -1)) throw new Error("out of order");
      last.set(id, i);
    }
    channel.close();
    return received;
  },

  async sendRecords(): Promise<void> {
    const Tick = struct({ symbol: chars(6), size: i32, price: f64, serial: u64 });
    using ticks = Channel.of(Tick).fromEnv();
    for (let i = 0; i < 1000; i++) {
      await ticks.send({ symbol: `T${i}`, size: i, serial: BigInt(i) });
    }
    ticks.closeSending();
  },
});
