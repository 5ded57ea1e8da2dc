/** Processes that make channels of their own: in files that others use too, and where much is wrong. */

import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { act, scope } from "../_act.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { truncate } from "../_fault_child.ts";
import { patchWindows } from "../_windows_library.ts";

/** Lives until it is killed. */
const stay = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1e6));

const messageOf = (i: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(new Int32Array([i]).buffer);

const open = (path: string): Channel => Channel.create({ path, capacity: 4096 });

/** What was sent last, and how often each message came. */
const openMarks = (): Int32Array => MmapRegion.fromEnv().view(Int32Array);

const nameOf = (error: unknown): string => (error as Error).name;

const ERROR_TOO_MANY_OPEN_FILES = 4;

/** Windows has no limit that a program could reach, so a call fails as it would at one. */
function allowSections(count: number): () => void {
  const { CreateFileMappingW } = windows();
  return patchWindows({
    CreateFileMappingW: (...args) => {
      if (count-- > 0) return CreateFileMappingW(...args);
      lastError[0] = ERROR_TOO_MANY_OPEN_FILES;
      return 0;
    },
  });
}

await act({
  async produceMarked(path: string): Promise<void> {
    const marks = openMarks();
    const channel = open(path);
    console.log("up");
    for (let i = Atomics.load(marks, 0);; i++) {
      try {
        channel.sendSync(messageOf(i));
      } catch (error) {
        // The last consumer is dead and the next one has not come yet.
        if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
        i--;
        continue;
      }
      Atomics.store(marks, 0, i + 1);
      if (i === marks.length - 2) await stay();
    }
  },

  async consumeMarked(path: string): Promise<void> {
    const marks = openMarks();
    const channel = open(path);
    console.log("up");
    for (let last = -1;;) {
      using message = channel.peek();
      if (message === null) {
        await 0;
        continue;
      }
      const i = new Int32Array(message.bytes.slice().buffer)[0]!;
      // A dead producer may have sent one that it had not counted yet.
      if (i < last || i > last + 1 && last !== -1) throw new Error(`${i} after ${last}`);
      last = i;
      Atomics.add(marks, 1 + i, 1);
    }
  },

  async sendNine(path: string): Promise<void> {
    const channel = open(path);
    for (let i = 0; i < 9; i++) channel.sendSync(new Uint8Array([i]));
    console.log("done");
    await stay();
  },

  /** Makes the channel, sends one message or none, and says where it is. */
  async offer(path: string, sends: boolean): Promise<void> {
    const channel = open(path);
    if (sends) channel.sendSync(new Uint8Array(9));
    console.log(formatHandle(channel.handle()));
    await stay();
  },

  async receiveFour(path: string): Promise<void> {
    const channel = open(path);
    for (let i = 0; i < 4; i++) if (channel.receiveSync()![0] !== i) throw new Error();
    console.log("done");
    await stay();
  },

  /** Makes the channel and sends when told to, and ends when told to. */
  async createAndSend(path: string, byte: number): Promise<void> {
    console.log("ready");
    await Deno.stdin.read(new Uint8Array(1));
    using channel = Channel.create({ path, capacity: 4096, producers: "multiple" });
    channel.sendSync(new Uint8Array([byte]));
    console.log("sent");
    await Deno.stdin.read(new Uint8Array(1));
  },

  /** Goes on with a channel whose file was emptied. @returns what each call gave */
  async useTruncated(path: string): Promise<unknown[]> {
    const channel = Channel.create({ path, capacity: 65536 });
    for (let i = 0; i < 20; i++) channel.trySend(new Uint8Array(1000));
    truncate(path, 0);
    const outcomes: unknown[] = [];
    for (let i = 0; i < 40; i++) {
      try {
        channel.sendSync(new Uint8Array(3000), { timeoutMs: 5 });
        outcomes.push(channel.receiveSync({ timeoutMs: 5 })?.length);
      } catch (error) {
        outcomes.push(nameOf(error));
      }
    }
    await channel.receive({ timeoutMs: 5 }).catch((error) => outcomes.push(nameOf(error)));
    try {
      channel.close();
    } catch (error) {
      outcomes.push(nameOf(error));
    }
    return outcomes;
  },

  /** Makes channels until there is no descriptor left. */
  async createMany(): Promise<void> {
    const all: Channel[] = [];
    const allowMore = Deno.build.os === "windows" ? allowSections(20) : undefined;
    try {
      while (true) all.push(Channel.create({ capacity: 4096 }));
    } catch (error) {
      console.log((error as { code?: string }).code);
    }
    all[0]!.sendSync(new Uint8Array([1]));
    console.log(all[0]!.receiveSync()!.length);
    for (const channel of all) channel.close();
    allowMore?.();
    using again = Channel.create({ capacity: 4096 });
    console.log(await again.receive({ timeoutMs: 10 }).catch(nameOf));
  },

  /** In a Worker: sends so many numbers to the channel it is given, or adds up what it receives. */
  addUp(): void {
    scope.onmessage = async ({ data: { handle, count } }) => {
      const channel = Channel.attach(handle);
      let sum = 0;
      if (count > 0) {
        for (let i = 1; i <= count; i++) {
          const message = new Uint8Array(new Float64Array([i]).buffer);
          if (i % 2) channel.sendSync(message);
          else await channel.send(message);
        }
      } else {
        for await (const message of channel) sum += new Float64Array(message.buffer, 0, 1)[0]!;
      }
      scope.postMessage(sum);
      if (count === 0) channel.close();
    };
  },

  /** In a Worker: sends a message and reserves another one. */
  sendAndReserve(): void {
    scope.onmessage = ({ data }) => {
      const channel = Channel.attach(data);
      channel.sendSync(new Uint8Array([1]));
      const slot = channel.reserve(8)!;
      scope.postMessage(slot.bytes.length);
    };
  },
});
