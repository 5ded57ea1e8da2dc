/** Hands a region's bytes to a consumer, and is terminated. */

import { MmapRegion } from "@mmap/mmap";
import { ALL } from "./all.ts";
import { waitUntilBegun } from "./begun.ts";
import { addressRangeOf, otherThreadsRan } from "./system.ts";
import type { Task } from "./terminated.ts";

const never = new Promise<void>(() => {});
const scope = self as unknown as Worker;

function message<T>(): Promise<T> {
  return new Promise((resolve) => scope.onmessage = ({ data }) => resolve(data));
}

async function main(): Promise<void> {
  const { name, dir, path, place, atWork } = await message<Task>();
  const consumer = ALL.find((consumer) => consumer.name === name)!;
  const { byteLength } = consumer;
  const ready = await consumer.prepare({ dir, place, byteLength, gone: never });
  const go = message();
  scope.postMessage(ready.place ?? "");
  await go;
  const ran = otherThreadsRan();
  const { bytes } = MmapRegion.open(path, { access: "read-write" });
  let over = false;
  ready.use(bytes).catch(() => {}).finally(() => over = true);
  if (atWork && consumer.begun !== "peer") {
    const range = addressRangeOf(bytes);
    await waitUntilBegun(consumer, { peer: undefined, ran, range, isOver: () => over });
  }
  scope.postMessage("begun");
}

main(); // not awaited: messages come once the module has run
