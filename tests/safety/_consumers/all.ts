/** Every consumer there is a row for. */

import type { Consumer } from "./consumer.ts";
import { CRYPTO } from "./crypto.ts";
import { FILES } from "./files.ts";
import { HTTP } from "./http.ts";
import { MESSAGES } from "./messages.ts";
import { NATIVE } from "./native.ts";
import { SOCKETS } from "./sockets.ts";
import { STREAMS } from "./streams.ts";

/** In groups, each for a process of its own. */
export const GROUPS: Readonly<Record<string, readonly Consumer[]>> = {
  sockets: SOCKETS,
  http: HTTP,
  files: FILES,
  crypto: CRYPTO,
  streams: STREAMS,
  messages: MESSAGES,
  native: NATIVE,
};

export const ALL: readonly Consumer[] = Object.values(GROUPS).flat();
