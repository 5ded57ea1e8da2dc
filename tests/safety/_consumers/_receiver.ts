/** Says what it has been given, when it is asked. */

import { countsOf } from "./counts.ts";

const scope = self as unknown as Worker;
let given: Uint8Array;
scope.onmessage = ({ data }) => {
  if (data === "look") scope.postMessage(countsOf(given));
  else given = data;
};
scope.postMessage("ready");
