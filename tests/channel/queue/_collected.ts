/** Channels whose objects nobody refers to any more. Needs --expose-gc. */

import { Channel, type Message, type Slot } from "@mmap/mmap/channel";
import { act, gc } from "../../_act.ts";

async function collect(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

// Functions of their own, as a function that goes on may hold what it has used.
const peekAt = (): Message => Channel.fromEnv().peek()!;
const reserveAt = (): Slot => Channel.fromEnv("BACK").reserve(50)!;

await act({
  async keep(): Promise<void> {
    const message = peekAt();
    const slot = reserveAt();
    await collect();
    console.log(`${message.bytes.length} of ${message.bytes[99]}`);
    slot.bytes.fill(3);
    slot.commit();
    message[Symbol.dispose]();
    const received = Channel.fromEnv("BACK").receive().then((message) => message!.length);
    console.log(await received);
    const waiting = Channel.fromEnv("BACK", { wait: "block" }).values().receive()
      .catch((error) => error.name);
    await collect();
    console.log(await waiting);
  },

  async target(): Promise<void> {
    const channel = Channel.create({ capacity: 4096 });
    const receive = (): WeakRef<Uint8Array> => {
      const target = new Uint8Array(64);
      for (let i = 0; i < 100; i++) {
        channel.sendSync(new Uint8Array(64));
        channel.receiveIntoSync(target);
      }
      return new WeakRef(target);
    };
    const target = receive();
    await collect();
    console.log(target.deref() === undefined);
    channel.close();
  },

  async receive(): Promise<void> {
    const receive = (): Promise<Uint8Array | null> => Channel.fromEnv().receive();
    const waiting = receive();
    await collect();
    console.log("waiting");
    console.log((await waiting)!.length);
  },
});
