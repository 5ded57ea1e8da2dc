/** Calls: answers, errors, limits of time, and how many at once. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, serve } from "@mmap/mmap/channel";
import { MmapRegion } from "@mmap/mmap";
import { bytes, textOf } from "../_channels.ts";
import { echo, Held, openService, until } from "./_calls.ts";

Deno.test("Client.call() gives what the handler gives, also nothing", async () => {
  await using service = openService((request) => request.map((byte) => 2 * byte));
  assertEquals(await service.client.call(new Uint8Array([1, 2])), new Uint8Array([2, 4]));
  assertEquals(await service.client.call(new Uint8Array()), new Uint8Array());
});

Deno.test("Client.call() gives an answer with a buffer of its own, and so is the request", async () => {
  await using service = openService((request) => {
    assertEquals(request.byteOffset, 0);
    assertEquals(request.buffer.byteLength, request.length);
    return request;
  });
  for (const byteLength of [1, 100, 5000]) {
    const answer = await service.client.call(new Uint8Array(byteLength));
    assertEquals([answer.byteOffset, answer.buffer.byteLength], [0, byteLength]);
  }
});

Deno.test("Client.call() gets answers in any order", async () => {
  const held = new Held();
  await using service = openService(held.handler);
  const calls = ["a", "b", "c"].map((text) => service.client.call(bytes(text)));
  const handled = [await held.next(), await held.next(), await held.next()];
  assertEquals(handled.map(({ request }) => textOf(request)), ["a", "b", "c"]);
  for (const i of [2, 0, 1]) {
    handled[i]!.answer(bytes(`answer ${i}`));
    assertEquals(textOf(await calls[i]!), `answer ${i}`);
  }
});

Deno.test("Client.call() keeps many calls apart", async () => {
  await using service = openService(async (request) => {
    if (request[0]! % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    return request;
  }, { capacity: 4096 });
  const requests = Array.from(
    { length: 500 },
    (_, i) => new Uint8Array(1 + (i * 37) % 3000).fill(i),
  );
  const answers = await Promise.all(requests.map((request) => service.client.call(request)));
  answers.forEach((answer, i) => assertEquals(answer, requests[i]));
});

Deno.test("Client.call() passes requests and answers of any length", async () => {
  await using service = openService(echo, { capacity: 4096 });
  for (const byteLength of [1000, 1007, 1008, 1009, 1016, 2016, 2017, 100_000, 3_000_000]) {
    const request = new Uint8Array(byteLength).map((_, i) => i * i >>> 3);
    assertEquals(await service.client.call(request), request);
  }
});

Deno.test("Client.call() throws RangeError for a request that is longer than the server takes", async () => {
  await using service = openService(echo, { maxRequestByteLength: 10_000 });
  assertEquals((await service.client.call(new Uint8Array(10_000))).length, 10_000);
  const call = () => service.client.call(new Uint8Array(10_001));
  await assertRejects(call, RangeError, "at most 10000 bytes");
  assertEquals(await service.client.call(bytes("on")), bytes("on"));
});

Deno.test("Client.call() throws TypeError or RangeError for wrong arguments", async () => {
  await using service = openService(echo);
  const { client } = service;
  await assertRejects(() => client.call("text" as unknown as Uint8Array), TypeError);
  await assertRejects(() => client.call(bytes("x"), { timeoutMs: -1 }), RangeError);
  const signal = {} as AbortSignal;
  await assertRejects(() => client.call(bytes("x"), { signal }), TypeError);
});

Deno.test("Client.call() throws what the handler throws, with its class, name, message and code", async () => {
  class OwnError extends RangeError {
    override name = "OwnError";
    code = 42;
  }
  const thrown: unknown[] = [
    new TypeError("type"),
    new RangeError("range"),
    new Deno.errors.NotFound("gone"),
    new OwnError("own"),
    new DOMException("stop", "AbortError"),
    new Error("plain"),
    "a text",
    { toString: () => "object" },
    undefined,
  ];
  await using service = openService((request) => {
    throw thrown[request[0]!];
  });
  const results = await Promise.all(
    thrown.map((_, i) => service.client.call(new Uint8Array([i])).catch((error) => error)),
  );
  const classes = [TypeError, RangeError, Deno.errors.NotFound, RangeError, DOMException, Error];
  const names = ["TypeError", "RangeError", "NotFound", "OwnError", "AbortError", "Error"];
  const messages = ["type", "range", "gone", "own", "stop", "plain", "a text"];
  for (const [i, type] of classes.entries()) {
    assertEquals(results[i].constructor, type);
    assertEquals(results[i].name, names[i]);
    assert(results[i].cause.includes(`calls_test.ts`), "the place where it was thrown");
  }
  messages.forEach((message, i) => assertEquals(results[i].message, message));
  assertEquals(results[3].code, 42);
  for (const error of results) assert(error instanceof Error);
});

Deno.test("Client.call() keeps code, errno and syscall of a system error", async () => {
  await using service = openService(() => {
    MmapRegion.open("/no/such/file");
    return new Uint8Array();
  });
  const error = await assertRejects(() => service.client.call(bytes("x")), Deno.errors.NotFound);
  const { code, errno, syscall } = error as unknown as Record<string, unknown>;
  const [number, call] = Deno.build.os === "windows" ? [3, "CreateFileW"] : [2, "open"];
  assertEquals([code, errno, syscall], ["ENOENT", number, call]);
});

Deno.test("Client.call() throws what a handler throws whose error cannot be read", async () => {
  await using service = openService(() => {
    throw Object.defineProperty(new Error(), "message", {
      get(): string {
        throw new Error("no");
      },
    });
  });
  await assertRejects(() => service.client.call(bytes("x")), Error);
  await assertRejects(() => service.client.call(bytes("x")), Error); // it serves on
});

Deno.test("Client.call() throws TypeError if the handler gives no bytes", async () => {
  await using service = openService(() => "text" as unknown as Uint8Array);
  await assertRejects(() => service.client.call(bytes("x")), TypeError, "Uint8Array");
});

Deno.test("Client.call() throws TimedOut when the time is up, and aborts the handler's signal", async () => {
  const held = new Held();
  await using service = openService(held.handler);
  const call = service.client.call(bytes("x"), { timeoutMs: 20 });
  await assertRejects(() => call, Deno.errors.TimedOut);
  const reason = await (await held.next()).aborted;
  assert(reason instanceof Deno.errors.TimedOut);
});

Deno.test("Client.call() throws the signal's reason, and aborts the handler's signal", async () => {
  const held = new Held();
  await using service = openService(held.handler);
  const controller = new AbortController();
  const call = service.client.call(bytes("x"), { signal: controller.signal });
  const { info, aborted } = await held.next();
  assertEquals(info.signal.aborted, false);
  const why = new Error("why");
  controller.abort(why);
  assertEquals(await call.catch((error) => error), why);
  const reason = await aborted;
  assert(reason instanceof DOMException && reason.name === "AbortError");
});

Deno.test("Client.call() is rejected at once if the signal is aborted already, and sends nothing", async () => {
  const held = new Held();
  await using service = openService(held.handler);
  const signal = AbortSignal.abort("before");
  const error = await service.client.call(bytes("x"), { signal }).catch((error) => error);
  assertEquals(error, "before");
  const next = service.client.call(bytes("next"));
  const handled = await held.next();
  assertEquals(textOf(handled.request), "next");
  handled.answer(bytes(""));
  await next;
});

Deno.test("Client.call() drops the answer to a call that was given up", async () => {
  const held = new Held();
  await using service = openService(held.handler, { concurrency: 1 });
  const controller = new AbortController();
  const call = service.client.call(bytes("x"), { signal: controller.signal });
  const handled = await held.next();
  controller.abort();
  await assertRejects(() => call, DOMException);
  await handled.aborted;
  handled.answer(new Uint8Array(100_000));
  const next = service.client.call(bytes("next"));
  (await held.next()).answer(bytes("answer"));
  assertEquals(textOf(await next), "answer");
});

Deno.test("Client.call() may be aborted while its request is under way in parts", async () => {
  await using service = openService(echo, { capacity: 4096 });
  const { client } = service;
  await client.call(bytes("connected"));
  const request = new Uint8Array(8_000_000);
  for (let i = 0; i < 8; i++) {
    const controller = new AbortController();
    const call = client.call(request, { signal: controller.signal });
    const other = client.call(bytes(`${i}`));
    setTimeout(() => controller.abort(), i);
    await assertRejects(() => call, DOMException);
    assertEquals(textOf(await other), `${i}`);
  }
  // As long as they: what of them was still sent would have arrived by now.
  assertEquals((await client.call(request)).length, request.length);
});

Deno.test("Client.call() takes the time limit of connect() where it has none of its own", async () => {
  await using server = serve({}, new Held().handler);
  await using client = connect(server.handle(), { timeoutMs: 20 });
  await assertRejects(() => client.call(bytes("x")), Deno.errors.TimedOut);
  const nothing = { timeoutMs: undefined, signal: AbortSignal.timeout(10_000) } as object;
  await assertRejects(() => client.call(bytes("x"), nothing), Deno.errors.TimedOut);
  const error = await client.call(bytes("x"), {
    timeoutMs: Infinity,
    signal: AbortSignal.timeout(60),
  })
    .catch((error) => error);
  assertEquals(error.name, "TimeoutError");
});

Deno.test("serve() runs no more handlers at a time than concurrency says, of all clients", async () => {
  let running = 0;
  let most = 0;
  await using service = openService(async (request) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    return request;
  }, { concurrency: 3 });
  await using other = connect(service.server.handle());
  const calls = Array.from(
    { length: 60 },
    (_, i) => (i % 2 === 0 ? service.client : other).call(new Uint8Array([i])),
  );
  assertEquals((await Promise.all(calls)).map(([i]) => i), calls.map((_, i) => i));
  assertEquals(most, 3);
});

Deno.test("Client.call() that waits for its turn may time out, and is never handled", async () => {
  const held = new Held();
  await using service = openService(held.handler, { concurrency: 1 });
  const first = service.client.call(bytes("first"));
  const handled = await held.next();
  const second = service.client.call(bytes("second"), { timeoutMs: 10 });
  await assertRejects(() => second, Deno.errors.TimedOut);
  const third = service.client.call(bytes("third"));
  handled.answer(bytes("1"));
  assertEquals(textOf(await first), "1");
  const next = await held.next();
  assertEquals(textOf(next.request), "third");
  next.answer(bytes("3"));
  assertEquals(textOf(await third), "3");
});

Deno.test("serve() tells handlers the client's process", async () => {
  const held = new Held();
  await using service = openService(held.handler);
  const call = service.client.call(bytes("x"));
  const { info, answer } = await held.next();
  assertEquals([info.pid, service.client.pid], [Deno.pid, Deno.pid]);
  answer(bytes("y"));
  await call;
  assertEquals(info.signal.aborted, false);
});

Deno.test("serve() throws RangeError or TypeError for wrong options", () => {
  const wrong = [
    { capacity: 0 },
    { capacity: 2 ** 31 },
    { concurrency: 0 },
    { concurrency: 1.5 },
    { concurrency: 2 ** 21 },
    { maxRequestByteLength: 2 ** 32 },
    { maxRequestByteLength: NaN },
  ];
  for (const options of wrong) assertThrows(() => serve(options, echo), RangeError, "Cannot serve");
  assertThrows(() => serve({}, undefined as unknown as typeof echo), TypeError, "handler");
  const both = { name: "a", path: "b" };
  assertThrows(() => serve(both, echo), TypeError);
});

Deno.test("Server.clients counts who is connected", async () => {
  await using server = serve({}, echo);
  assertEquals(server.clients, 0);
  const clients = [connect(server.handle()), connect(server.handle())];
  for (const client of clients) await client.call(bytes("x"));
  assertEquals(server.clients, 2);
  for (const client of clients) await client[Symbol.asyncDispose]();
  await until(() => server.clients === 0);
});
