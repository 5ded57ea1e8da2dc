/** Calls a server once: gets its handle, and posts the answer. */

import { connect } from "@mmap/mmap/channel";

const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data }) => {
  const client = connect(data);
  const answer = await client.call(new Uint8Array([1, 2]));
  await client[Symbol.asyncDispose]();
  scope.postMessage(answer);
};
