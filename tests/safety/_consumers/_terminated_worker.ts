/** Hands regions' bytes to consumers, one of each, and is terminated. */

import { ALL } from "./all.ts";
import { waitUntilBegun } from "./begun.ts";
import { lend } from "./cell.ts";
import type { Consumer, Ready } from "./consumer.ts";
import type { Task } from "./terminated.ts";

const never = new Promise<void>(() => {});
const scope = self as unknown as Worker;

function message<T>(): Promise<T> {
  return new Promise((resolve) => scope.onmessage = ({ data }) => resolve(data));
}

async function main(): Promise<void> {
  const tasks = await message<Task[]>();
  const prepared = await Promise.all(tasks.map(prepare));
  const go = message();
  scope.postMessage(prepared.map(({ ready }) => ready.place ?? ""));
  await go;
  await Promise.all(prepared.map(({ consumer, ready }, i) => {
    const lent = lend(tasks[i]!.path, ready, true);
    return consumer.begun === "peer" ? undefined : waitUntilBegun(consumer, lent);
  }));
  scope.postMessage([]);
}

async function prepare({ name, dir, place }: Task): Promise<{ consumer: Consumer; ready: Ready }> {
  const consumer = ALL.find((consumer) => consumer.name === name)!;
  const { byteLength } = consumer;
  return { consumer, ready: await consumer.prepare({ dir, place, byteLength, gone: never }) };
}

main(); // not awaited: messages come once the module has run
