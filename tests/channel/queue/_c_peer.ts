/** The other side of the channel's interoperation tests: C programs at one end of it. */

import { assertEquals } from "@std/assert";
import { formatHandle } from "@mmap/mmap";
import { Channel, type ChannelOptions } from "@mmap/mmap/channel";
import { compileWithHeaders, CProgram } from "../../_c_program.ts";
import { withTempDir } from "../../_files.ts";
import { needsC } from "../../_gcc.ts";

/** What a test with C programs is given. */
export interface Given {
  readonly dir: string;
  readonly channel: Channel;
  /** Starts `_c_peer.c` and lets it open the channel. */
  readonly join: (command: "produce" | "consume") => Promise<CProgram>;
  /** Starts it, and lets it do nothing. */
  readonly start: () => CProgram;
}

/** A test of a new channel with C programs. */
export function testWithC(
  name: string,
  options: Partial<ChannelOptions>,
  body: (given: Given) => Promise<void>,
): void {
  const ignore = Deno.build.os === "darwin" || needsC.ignore;
  Deno.test({ name, ignore, fn: () => withTempDir((dir) => run(dir, options, body)) });
}

async function run(
  dir: string,
  options: Partial<ChannelOptions>,
  body: (given: Given) => Promise<void>,
): Promise<void> {
  const program = await compileWithHeaders(new URL("_c_peer.c", import.meta.url), dir);
  await using running = new AsyncDisposableStack();
  using channel = Channel.create({ capacity: 4096, ...options });
  const start = () => running.use(new CProgram(program));
  const join = async (command: "produce" | "consume") => {
    const peer = start();
    assertEquals(await peer.ask(`${command} ${formatHandle(channel.handle())}`), "0 0");
    return peer;
  };
  await body({ dir, channel, join, start });
}

/** Message `n` of sender `id`, as in _c_peer.c. */
export function composed(most: number, id: number, n: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(8 + n * 7919 % (most - 7)).fill(n);
  const words = new DataView(message.buffer);
  words.setUint32(0, id, true);
  words.setUint32(4, n, true);
  return message;
}

/** Sends messages as the C program does. */
export async function sendAll(channel: Channel, id: number, count: number): Promise<void> {
  const { maxByteLength } = channel;
  for (let n = 0; n < count; n++) await channel.send(composed(maxByteLength, id, n));
}

/** Takes messages up to the end, and checks that each sender's are whole and in order. */
export async function receiveAll(channel: Channel): Promise<{ count: number; sum: number }> {
  const next: number[] = [];
  let count = 0;
  let sum = 0;
  for await (const message of channel) {
    const words = new DataView(message.buffer, message.byteOffset, message.length);
    const id = words.getUint32(0, true);
    const n = words.getUint32(4, true);
    assertEquals(message, composed(channel.maxByteLength, id, n));
    if (n < (next[id] ?? 0)) throw new Error(`message ${n} of ${id} is out of order`);
    next[id] = n + 1;
    count++;
    sum += n;
  }
  return { count, sum };
}
