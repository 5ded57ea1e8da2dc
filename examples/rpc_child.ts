/** The child of rpc.ts: it calls its parent. */
import { Client } from "@mmap/mmap/channel";
import type { Store } from "./rpc.ts";

using client = Client.fromEnv();
const store = client.object<Store>();

const keys = ["a", "b", "c"];
await Promise.all(keys.map((key, i) => store.put(key, new Uint8Array(1000 * i))));
console.log(`"c" has ${(await store.get("c")).length} bytes`);

try {
  await store.get("d");
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.log(`${error.name}: ${error.message}`);
}

try {
  await client.object<Store>({ timeoutMs: 20 }).wait();
} catch (error) {
  if (!(error instanceof Deno.errors.TimedOut)) throw error;
  console.log("the parent took too long");
}
