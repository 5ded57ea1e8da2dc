/** A server holds the event loop until it is closed. */

import { connect, serve, serveObject } from "@mmap/mmap/channel";
import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { splitLines } from "../../_child.ts";

const PROGRAM = fromFileUrl(new URL("_kept_alive.ts", import.meta.url));

for (const keepAlive of [true, false]) {
  Deno.test(`serve({ keepAlive: ${keepAlive} }) holds the event loop until closed`, async () => {
    const server = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", PROGRAM, JSON.stringify(keepAlive)],
      stdout: "piped",
    }).spawn();
    const lines = server.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines());
    const seen: string[] = [];
    for await (const line of lines) {
      seen.push(line);
      if (seen.length !== 2) continue;
      await using client = connect(seen[0]!);
      await client.call(new Uint8Array(1)).catch(() => {}); // it may be closed before it has answered
    }
    // Beside the server's waits there is a timer of its own, or none.
    assertEquals(seen.slice(1), keepAlive ? ["1", "0"] : ["0", "0"]);
    const { code, signal } = await server.status;
    assertEquals({ code, signal }, { code: 0, signal: null });
  });
}

Deno.test("serve() refuses a keepAlive that is no boolean, and leaves no timer", async () => {
  const wrong = { keepAlive: 1 } as never;
  assertThrows(() => serve(wrong, (request) => request), TypeError, "keepAlive");
  assertThrows(() => serveObject(wrong, { one: () => 1 }), TypeError, "keepAlive");
  await using _server = serveObject({ keepAlive: true }, { one: () => 1 });
});
