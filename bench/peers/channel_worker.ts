/** The Worker of channel_bench.ts: sends messages back, or counts them and tells when all are there. */

/** The part of a Worker's global scope that this uses. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Uint8Array | number>) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as WorkerScope;

/** How many are still to be counted; 0: each goes back. */
let left = 0;

scope.onmessage = ({ data }) => {
  if (typeof data === "number") left = data;
  else if (left === 0) scope.postMessage(data);
  else if (--left === 0) scope.postMessage("all");
};
