/** Runs the attempts of `_size_limit.ts` in `Deno.args[0]`, here or in a Worker. */

import { setLimit } from "../_process.ts";
import { attemptAll, LIMIT, ownSignals } from "./_size_limit.ts";

const [dir, name, where] = Deno.args.map((arg): string => JSON.parse(arg));
const worker = where === "here" ? undefined : await startWorker();
setLimit("FSIZE", LIMIT); // not before Deno has written what it writes to load a Worker
const before = ownSignals();
const result = worker === undefined ? attemptAll(dir!, name!) : await attemptIn(worker);
const after = ownSignals();
worker?.terminate();
console.log(JSON.stringify({ ...result, changed: after.filter((line, i) => line !== before[i]) }));

async function startWorker(): Promise<Worker> {
  const url = new URL("./_size_limit_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  await nextMessage(worker);
  return worker;
}

function attemptIn(worker: Worker): Promise<ReturnType<typeof attemptAll>> {
  worker.postMessage([dir, name]);
  return nextMessage(worker);
}

function nextMessage<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}
