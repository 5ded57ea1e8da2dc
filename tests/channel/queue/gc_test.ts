/** Channels whose objects nobody refers to any more. */

import { assertEquals } from "@std/assert";
import { Channel } from "@mmap/mmap/channel";
import { Child } from "../../_child.ts";

const PROGRAM = new URL("_collected.ts", import.meta.url);

Deno.test("Channel keeps its memory as long as a message, a slot or a call that waits", async () => {
  using channel = Channel.create({ capacity: 4096 });
  using back = Channel.create({ capacity: 4096 });
  channel.sendSync(new Uint8Array(100).fill(7));
  await using child = new Child(
    PROGRAM,
    { args: ["keep"], v8Flags: "--expose-gc", env: { ...channel.env(), ...back.env("BACK") } },
  );
  assertEquals(await child.readLine(), "100 of 7");
  assertEquals(await child.readLine(), "50");
  assertEquals(await child.readLine(), "Busy");
  assertEquals((await child.ended()).code, 0);
});

Deno.test("Channel keeps no array that it has received into", async () => {
  await using child = new Child(PROGRAM, { args: ["target"], v8Flags: "--expose-gc" });
  assertEquals(await child.readLine(), "true");
  assertEquals((await child.ended()).code, 0);
});

Deno.test("Channel.receive() gets its message though nobody refers to the channel", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await using child = new Child(
    PROGRAM,
    { args: ["receive"], v8Flags: "--expose-gc", env: channel.env() },
  );
  assertEquals(await child.readLine(), "waiting");
  channel.sendSync(new Uint8Array(42));
  assertEquals(await child.readLine(), "42");
  assertEquals((await child.ended()).code, 0);
});
