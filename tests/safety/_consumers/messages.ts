/** Copies and transfers within the process. */

import { type Consumer, type Given, MIB, type Ready, simple } from "./consumer.ts";
import { countsOf } from "./counts.ts";

function channel(): Ready {
  const { port1, port2 } = new MessageChannel();
  const got = new Promise((resolve) => port2.onmessage = ({ data }) => resolve(data));
  return {
    use: (bytes) => {
      port1.postMessage(bytes);
      return got;
    },
    end: () => {
      port1.close();
      port2.close();
    },
  };
}

function broadcast({ dir }: { dir: string }): Ready {
  const [sender, receiver] = [new BroadcastChannel(dir), new BroadcastChannel(dir)];
  const got = new Promise((resolve) => receiver.onmessage = ({ data }) => resolve(data));
  return {
    use: (bytes) => {
      sender.postMessage(bytes);
      return got;
    },
    end: () => {
      sender.close();
      receiver.close();
    },
  };
}

/** A Worker that says what it has when it is asked. */
async function worker({ gone }: Given, transfers: boolean): Promise<Ready> {
  const url = new URL("./_receiver.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const answer = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  await answer();
  return {
    use: (bytes) => {
      const got = answer();
      worker.postMessage(bytes, transfers ? [bytes.buffer] : []);
      return gone.then(() => worker.postMessage("look")).then(() => got);
    },
    end: () => worker.terminate(),
  };
}

async function cache({ dir }: { dir: string }): Promise<Ready> {
  const opened = await caches.open(dir);
  return {
    use: (bytes) =>
      opened.put("http://localhost/", new Response(bytes))
        .then(() => opened.match("http://localhost/")).then((found) => found!.bytes()),
    end: () => caches.delete(dir),
  };
}

const copied = { byteLength: 4 * MIB, begun: "turn" } as const;

export const MESSAGES: readonly Consumer[] = [
  {
    name: "`structuredClone()`",
    ...copied,
    prepare: simple((bytes) => Promise.resolve(structuredClone(bytes))),
  },
  {
    name: "`structuredClone()` that transfers",
    ...copied,
    transfers: true,
    prepare: ({ gone }) => ({
      use: (bytes) => {
        const clone = structuredClone(bytes, { transfer: [bytes.buffer] });
        return gone.then(() => countsOf(clone));
      },
    }),
  },
  {
    name: "`Worker.postMessage()` that transfers",
    ...copied,
    transfers: true,
    prepare: (given) => worker(given, true),
  },
  { name: "`MessagePort.postMessage()`", ...copied, prepare: channel },
  { name: "`BroadcastChannel.postMessage()`", ...copied, prepare: broadcast },
  { name: "`Worker.postMessage()`, a copy", ...copied, prepare: (given) => worker(given, false) },
  { name: "`Cache.put()`", ...copied, prepare: cache },
];
