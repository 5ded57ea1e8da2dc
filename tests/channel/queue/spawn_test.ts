/** Children that are started with a channel. */

import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { spawnWithChannel } from "@mmap/mmap/channel";
import { textOf } from "../_channels.ts";

const PROGRAM = fromFileUrl(new URL("_spawned.ts", import.meta.url));
const STAYING = fromFileUrl(new URL("_staying.ts", import.meta.url));

Deno.test("spawnWithChannel() starts a child that finds the channel", async () => {
  using child = spawnWithChannel(
    Deno.execPath(),
    ["run", "-A", "--quiet", PROGRAM],
    { env: { WORD: "hello" }, variable: "HERE", channel: { capacity: 8192 } },
  );
  assertEquals(child.channel.capacity, 8192);
  assertEquals(textOf(await child.channel.receive()), "hello");
  assertEquals(await child.channel.receive(), null);
  assertEquals((await child.process.status).code, 0);
});

Deno.test("spawnWithChannel() kills the child when it is disposed, and twice is silent", async () => {
  const child = spawnWithChannel(Deno.execPath(), ["run", "--quiet", STAYING]);
  child[Symbol.dispose]();
  child[Symbol.dispose]();
  assertEquals(child.channel.closed, true);
  const { success, signal } = await child.process.status;
  assertEquals([success, signal], [false, Deno.build.os === "windows" ? null : "SIGTERM"]);
});

Deno.test("spawnWithChannel() takes an undefined capacity for one that was not given", async () => {
  using child = spawnWithChannel(Deno.execPath(), ["--version"], {
    channel: { capacity: undefined } as object,
    stdout: "null",
  });
  assertEquals(child.channel.capacity, 1 << 20);
  assertEquals((await child.process.status).success, true);
});

Deno.test("spawnWithChannel() throws NotFound if there is no such program", () => {
  assertThrows(() => spawnWithChannel("/no/such/program"), Deno.errors.NotFound);
});
