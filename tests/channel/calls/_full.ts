/** A server and as many clients as it takes, and one more. Needs 4000 descriptors. */

import { assertEquals, assertRejects } from "@std/assert";
import { connect, serve } from "@mmap/mmap/channel";
import { until } from "./_calls.ts";

const message = new Uint8Array([7]);
const server = serve({ capacity: 4096 }, (request) => request);
const clients = Array.from({ length: 512 }, () => connect(server.handle()));
await Promise.all(clients.map((client) => client.call(message)));
assertEquals(server.clients, 512);
const late = connect(server.handle());
await assertRejects(
  () => late.call(message),
  Deno.errors.ConnectionRefused,
  `process ${Deno.pid} has 512 clients, and takes no more`,
);
clients[100]!.close();
await until(() => server.clients === 511);
const next = connect(server.handle());
assertEquals(await next.call(message), message);
for (const client of [...clients, next]) client.close();
await server[Symbol.asyncDispose]();
console.log("done");
