/** How servers and clients begin and end, and where they find each other. */

import { assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Channel, Client, connect, serve } from "@mmap/mmap/channel";
import { join } from "@std/path";
import { resultOf } from "../../_child.ts";
import { withTempDir } from "../../_files.ts";
import { bytes, textOf } from "../_channels.ts";
import { CALL_PEERS, echo, Held, openService, until } from "./_calls.ts";

const { BadResource, BrokenPipe, ConnectionRefused } = Deno.errors;

Deno.test("Server.close() rejects calls with BrokenPipe and aborts the handlers' signals", async () => {
  const held = new Held();
  await using service = openService(held.handler, { concurrency: 2 });
  const calls = [1, 2, 3].map((i) => service.client.call(new Uint8Array([i])));
  const handled = await held.next();
  service.server.close();
  service.server.close();
  assertEquals(service.server.closed, true);
  for (const call of calls) await assertRejects(() => call, BrokenPipe);
  assertEquals((await handled.aborted as Error).constructor, BrokenPipe);
  handled.answer(bytes("late")); // nobody hears it
  await service.client.finished;
  await assertRejects(() => service.client.call(bytes("x")), BrokenPipe);
});

Deno.test("Server.close() lets clients have the answers that were sent", async () => {
  await using service = openService(echo);
  const { server, client } = service;
  await client.call(bytes("connected"));
  const answered = client.call(bytes("x"));
  const { promise, resolve } = Promise.withResolvers<void>();
  answered.then(() => resolve());
  await promise;
  server.close();
  assertEquals(textOf(await answered), "x");
});

Deno.test("Client.close() rejects its calls with BadResource and aborts the handlers' signals", async () => {
  const held = new Held();
  await using service = openService(held.handler, { concurrency: 2 });
  await using other = connect(service.server.handle());
  const kept = other.call(bytes("kept"));
  const keptCall = await held.next();
  const calls = [1, 2, 3].map((i) => service.client.call(new Uint8Array([i])));
  const handled = await held.next();
  service.client.close();
  service.client.close();
  assertEquals(service.client.closed, true);
  for (const call of calls) await assertRejects(() => call, BadResource);
  assertEquals((await handled.aborted as Error).constructor, BrokenPipe);
  handled.answer(bytes(""));
  await assertRejects(() => service.client.call(bytes("x")), BadResource);
  keptCall.answer(bytes("other"));
  assertEquals(textOf(await kept), "other");
  await until(() => service.server.clients === 1);
});

Deno.test("Client.close() right after connect() leaves nothing behind", async () => {
  await using server = serve({}, echo);
  for (let i = 0; i < 100; i++) {
    const client = connect(server.handle());
    const call = client.call(bytes("x"));
    client.close();
    await assertRejects(() => call, BadResource);
    await client.finished;
  }
  await until(() => server.clients === 0);
  await using client = connect(server.handle());
  assertEquals(textOf(await client.call(bytes("on"))), "on");
});

Deno.test("Server.close() right after connect() rejects the client's calls", async () => {
  await using service = openService(echo);
  const call = service.client.call(bytes("x"));
  service.server.close();
  await assertRejects(() => call, ConnectionRefused);
});

Deno.test("Server and Client may be closed in any order", async () => {
  for (const order of ["server first", "client first"]) {
    for (const connected of [true, false]) {
      const server = serve({}, echo);
      const client = connect(server.handle());
      if (connected) await client.call(bytes("x"));
      const both = order === "server first" ? [server, client] : [client, server];
      for (const one of both) one.close();
      for (const one of both) one.close();
      for (const one of both) await one.finished;
    }
  }
});

Deno.test("Server.close() may be called by its handler", async () => {
  await using service = openService((request) => {
    service.server.close();
    return request;
  });
  await assertRejects(() => service.client.call(bytes("x")), BrokenPipe);
});

Deno.test("Server and Client leave no descriptor and no mapping behind", async () => {
  // In a process of its own: other tests have descriptors too.
  if (Deno.build.os === "windows") {
    const left = await resultOf(CALL_PEERS, { args: ["countHandlesLeft"] });
    // Each of the 20 connections has several, and the engine's own come and go.
    assertLess(left, 20);
    return;
  }
  const counts = await resultOf(CALL_PEERS, { args: ["countLeft"] });
  // The server's place to meet, and the connection as either side has it, each with the descriptor
  // that shows that this side lives; the wrong one.
  assertEquals(counts, { whileOpen: [2, 4, 1], after: [0, 0, 0, 0, 0, 0] });
});

Deno.test("connect() throws InvalidData if something else is there", () => {
  using channel = Channel.create({ capacity: 65536 });
  assertThrows(() => connect(channel.handle()), Deno.errors.InvalidData, "holds no such server");
  using region = MmapRegion.anonymous(100);
  assertThrows(() => connect(region.handle()), Deno.errors.InvalidData, "holds no server");
});

Deno.test("connect() throws TypeError for what is no handle, name or path", () => {
  for (const wrong of ["text", {}, { name: "a", path: "b" }]) {
    assertThrows(() => connect(wrong as unknown as string), TypeError);
  }
});

Deno.test("connect() throws NotFound if the server was closed", async () => {
  const server = serve({}, echo);
  const handle = server.handle();
  await server[Symbol.asyncDispose]();
  assertThrows(() => connect(handle), Deno.errors.NotFound);
  assertThrows(() => server.handle(), BadResource);
});

Deno.test("Client.fromEnv() throws NotFound if the variable is not set", () => {
  assertThrows(() => Client.fromEnv("MMAP_NO_SUCH"), Deno.errors.NotFound, "MMAP_NO_SUCH");
});

Deno.test("Server.env() names the variable", async () => {
  await using server = serve({}, echo);
  assertEquals(Object.keys(server.env()), ["MMAP_SERVER"]);
  assertEquals(server.env("OTHER").OTHER, formatHandle(server.handle()));
});

Deno.test("serve() at a path serves again after it was closed, and once at a time", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "server");
    for (const [i, capacity] of [4096, 65536].entries()) {
      await using server = serve({ path, capacity }, () => bytes(`${i}`));
      assertThrows(() => serve({ path }, echo), Deno.errors.AddrInUse, `${Deno.pid}`);
      await using client = connect({ path });
      assertEquals(textOf(await client.call(bytes("x"))), `${i}`);
      await using other = connect(server.handle());
      assertEquals(textOf(await other.call(bytes("x"))), `${i}`);
    }
    assertThrows(() => connect({ path }), ConnectionRefused);
    Deno.writeTextFileSync(join(dir, "text"), "a text");
    assertThrows(() => serve({ path: join(dir, "text") }, echo), Deno.errors.AlreadyExists);
  });
});

Deno.test("serve() under a name is found by it, and takes the name along", async () => {
  const name = `calls-${crypto.randomUUID().slice(0, 18)}`;
  {
    await using _server = serve({ name }, echo);
    assertThrows(() => serve({ name }, echo), Deno.errors.AddrInUse);
    await using client = connect({ name });
    assertEquals(textOf(await client.call(bytes("x"))), "x");
  }
  assertThrows(() => connect({ name }), Deno.errors.NotFound);
  assertEquals(MmapRegion.list().filter((entry) => entry.name === name), []);
});

Deno.test("connect() by many at once finds a place for all", async () => {
  await using server = serve({ capacity: 4096 }, echo);
  const clients = Array.from({ length: 80 }, () => connect(server.handle()));
  try {
    const answers = await Promise.all(clients.map((client, i) => client.call(bytes(`${i}`))));
    assertEquals(answers.map(textOf), clients.map((_, i) => `${i}`));
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
});
