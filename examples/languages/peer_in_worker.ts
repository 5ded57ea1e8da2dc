/**
 * As peer.ts, with the region in a Worker of the process:
 *
 *     deno run --allow-ffi --allow-read examples/languages/peer_in_worker.ts create|attach WAY WHERE
 */
import { linesOf } from "./_share.ts";

const worker = new Worker(import.meta.resolve("./peer_worker.ts"), { type: "module" });

/** Sends a message to the Worker. @returns what it answers */
function ask(message: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(message);
  });
}

console.log(await ask(Deno.args));
if (Deno.args[0] === "create") {
  for await (const _ of linesOf(Deno.stdin.readable)) console.log(await ask("look"));
}
await ask("close");
worker.terminate();
