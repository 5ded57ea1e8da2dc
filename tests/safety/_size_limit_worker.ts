/** A Worker that runs the attempts of `_size_limit.ts`. */

import { attemptAll } from "./_size_limit.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data: [dir, name] }) => scope.postMessage(attemptAll(dir, name));
scope.postMessage("ready");
