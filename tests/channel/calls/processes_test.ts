/** Servers and clients in processes of their own, which are killed and stopped. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, serve } from "@mmap/mmap/channel";
import { join } from "@std/path";
import { Child } from "../../_child.ts";
import { withTempDir } from "../../_files.ts";
import { bytes, textOf } from "../_channels.ts";
import { CALL_PEERS, clientChild, echo, Held, serverChild, until } from "./_calls.ts";

const { ConnectionReset } = Deno.errors;

Deno.test("serve() answers four processes at once, each with its own answers", async () => {
  await using server = serve({ capacity: 8192, concurrency: 5 }, async (request, info) => {
    if (request[0]! % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    return new Uint8Array([...bytes(`${info.pid}:`), ...request]);
  });
  const children = Array.from({ length: 4 }, () => clientChild(server, "callTogether"));
  try {
    for (const child of children) assertEquals(await child.readLine(), "done");
    for (const child of children) assertEquals((await child.ended()).code, 0);
    await until(() => server.clients === 0);
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
});

Deno.test("serve() notices a client that is killed, aborts its calls, and goes on", async () => {
  const held = new Held();
  await using server = serve({}, held.handler);
  await using other = connect(server.handle());
  for (let round = 0; round < 3; round++) {
    await using child = clientChild(server, "callAndStay");
    const { info, aborted, answer } = await held.next();
    assertEquals(info.pid, child.pid);
    const kept = other.call(bytes("kept"));
    const keptCall = await held.next();
    child.kill();
    const reason = await aborted;
    assert(reason instanceof ConnectionReset && reason.message.includes(`${child.pid}`));
    answer(bytes("nobody hears it"));
    keptCall.answer(bytes("kept"));
    assertEquals(textOf(await kept), "kept");
    await until(() => server.clients === 1);
  }
});

Deno.test("serve() goes on when clients are killed at random moments", async () => {
  await using server = serve({ capacity: 4096 }, echo);
  for (let round = 0; round < 8; round++) {
    await using child = clientChild(server, "callOn");
    assertEquals(await child.readLine(), "up");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
    child.kill();
    await child.ended();
    await using client = connect(server.handle());
    assertEquals(textOf(await client.call(bytes("on"))), "on");
  }
  await until(() => server.clients === 0);
});

Deno.test("Client.call() throws ConnectionReset that names the server if that is killed", async () => {
  const { child, client } = await serverChild("hold");
  await using _child = child;
  await using _client = client;
  await client.call(new Uint8Array([0]));
  const calls = [1, 2, 3].map((i) => client.call(new Uint8Array([i])));
  for (const _ of calls) await child.readLine();
  child.kill();
  for (const call of calls) {
    await assertRejects(() => call, ConnectionReset, `process ${child.pid}`);
  }
  await client.finished;
  await assertRejects(() => client.call(new Uint8Array(1)), ConnectionReset);
});

Deno.test("Client.call() throws if the server is killed before it takes the connection", async () => {
  const { child, client, handle } = await serverChild("echo");
  await using _child = child;
  await using _client = client;
  await client.call(bytes("x"));
  child.kill("SIGSTOP");
  await using late = connect(handle);
  const calls = [client.call(bytes("x")), late.call(bytes("x"))];
  child.kill("SIGKILL");
  await assertRejects(() => calls[0]!, ConnectionReset, `process ${child.pid}`);
  await assertRejects(() => calls[1]!, Deno.errors.ConnectionRefused, `process ${child.pid}`);
});

Deno.test("Client.call() gets the answers that were sent before the server was killed", async () => {
  const { child, client } = await serverChild("echo");
  await using _child = child;
  await using _client = client;
  for (let i = 0; i < 50; i++) assertEquals(textOf(await client.call(bytes(`${i}`))), `${i}`);
  child.kill();
  await child.ended();
  await client.finished;
});

Deno.test("A process that ends without closing its client or server counts as dead", async () => {
  const held = new Held();
  await using server = serve({}, held.handler);
  await using child = clientChild(server, "callAndExit");
  const { aborted } = await held.next();
  await child.writeLine("");
  assert(await aborted instanceof ConnectionReset);
});

Deno.test("A client that is stopped is in no other one's way, and gets its answers later", async () => {
  await using server = serve({ capacity: 4096 }, () => new Uint8Array(50_000).fill(7));
  await using child = clientChild(server, "callMany");
  assertEquals(await child.readLine(), "called");
  child.kill("SIGSTOP");
  await using client = connect(server.handle());
  for (let i = 0; i < 20; i++) assertEquals((await client.call(bytes("x"))).length, 50_000);
  child.kill("SIGCONT");
  assertEquals(await child.readLine(), "true");
  assertEquals((await child.ended()).code, 0);
});

Deno.test("serve() at a path takes the place of a server that was killed", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "server");
    await using child = new Child(CALL_PEERS, { args: ["serveAtPath", path] });
    assertEquals(await child.readLine(), "up");
    await using old = connect({ path });
    assertEquals(await old.call(new Uint8Array()), new Uint8Array([1]));
    child.kill();
    await child.ended();
    await old.finished;
    await using _server = serve({ path, capacity: 4096 }, () => new Uint8Array([2]));
    await using client = connect({ path });
    assertEquals(await client.call(new Uint8Array()), new Uint8Array([2]));
    await assertRejects(() => old.call(new Uint8Array()), ConnectionReset);
  });
});

Deno.test("connect() works from a Worker", async () => {
  await using server = serve({}, (request) => request.map((byte) => byte + 1));
  const worker = new Worker(import.meta.resolve("./_worker.ts"), { type: "module" });
  try {
    const answered = new Promise<Uint8Array>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(event.message);
    });
    worker.postMessage(server.handle());
    assertEquals(await answered, new Uint8Array([2, 3]));
  } finally {
    worker.terminate();
  }
});
