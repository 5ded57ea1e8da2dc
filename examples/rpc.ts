/**
 * A child calls the methods of an object in its parent: many calls at once, an error, and a limit of
 * time.
 *
 *     deno run --allow-ffi --allow-run examples/rpc.ts
 */
import { serveObject } from "@mmap/mmap/channel";

/** What the child calls; it imports the type. */
const store = {
  values: new Map<string, Uint8Array>(),
  put(key: string, value: Uint8Array): number {
    this.values.set(key, value);
    return this.values.size;
  },
  get(key: string): Uint8Array {
    const value = this.values.get(key);
    if (value === undefined) throw new Deno.errors.NotFound(`Cannot get value: no key "${key}"`);
    return value;
  },
  /** Never returns a result. */
  wait(): Promise<void> {
    return new Promise(() => {});
  },
};

/** The environment for the child. */
export type Store = typeof store;

using server = serveObject({ capacity: 65536 }, store);
const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-ffi", import.meta.resolve("./rpc_child.ts")],
  env: server.env(),
}).spawn();
await child.status;
console.log(`the parent has ${store.values.size} values`);
