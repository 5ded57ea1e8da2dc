/** Channels whose objects nobody refers to any more. */

import { assertEquals } from "@std/assert";
import { Channel } from "@mmap/mmap/channel";
import { Child } from "../_child.ts";

Deno.test("Channel keeps its memory as long as a message, a slot or a call that waits", async () => {
  using channel = Channel.create({ capacity: 4096 });
  using back = Channel.create({ capacity: 4096 });
  channel.sendSync(new Uint8Array(100).fill(7));
  await using child = new Child(
    `import { Channel } from "@mmap/mmap/channel";
    async function collect() {
      for (let i = 0; i < 20; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    const message = Channel.fromEnv().peek();
    const slot = Channel.fromEnv("BACK").reserve(50);
    await collect();
    console.log(message.bytes.length + " of " + message.bytes[99]);
    slot.bytes.fill(3);
    slot.commit();
    message[Symbol.dispose]();
    const received = Channel.fromEnv("BACK").receive().then((message) => message.length);
    console.log(await received);
    const waiting = Channel.fromEnv("BACK", { wait: "block" }).values().receive()
      .catch((error) => error.name);
    await collect();
    console.log(await waiting);`,
    { v8Flags: "--expose-gc", env: { ...channel.env(), ...back.env("BACK") } },
  );
  assertEquals(await child.readLine(), "100 of 7");
  assertEquals(await child.readLine(), "50");
  assertEquals(await child.readLine(), "Busy");
  assertEquals((await child.ended()).code, 0);
});

Deno.test("Channel.receive() gets its message though nobody refers to the channel", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await using child = new Child(
    `import { Channel } from "@mmap/mmap/channel";
    const waiting = Channel.fromEnv().receive();
    for (let i = 0; i < 20; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    console.log("waiting");
    console.log((await waiting).length);`,
    { v8Flags: "--expose-gc", env: channel.env() },
  );
  assertEquals(await child.readLine(), "waiting");
  channel.sendSync(new Uint8Array(42));
  assertEquals(await child.readLine(), "42");
  assertEquals((await child.ended()).code, 0);
});
