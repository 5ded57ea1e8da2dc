/** Messages to a Worker of Node: prints the nanoseconds per message. Arguments: bytes, times. */

import { isMainThread, parentPort, Worker } from "node:worker_threads";

if (isMainThread) {
  const [byteLength, times] = process.argv.slice(2).map(Number);
  const worker = new Worker(new URL(import.meta.url));
  const message = new Uint8Array(byteLength);
  let start;
  for (const count of [1, times]) { // both are there after the first one
    start = performance.now();
    worker.postMessage(count);
    for (let i = 0; i < count; i++) worker.postMessage(message);
    await new Promise((resolve) => worker.once("message", resolve));
  }
  console.log((performance.now() - start) * 1e6 / times);
  await worker.terminate();
} else {
  let left = 0;
  parentPort.on("message", (message) => {
    if (typeof message === "number") left = message;
    else if (--left === 0) parentPort.postMessage("all");
  });
}
