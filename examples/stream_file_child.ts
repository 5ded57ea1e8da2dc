/** The child of stream_file.ts: it reads a stream and says how long it was, and its hash. */
import { createHash } from "node:crypto";
import { Channel } from "@mmap/mmap/channel";

using channel = Channel.fromEnv();
const hash = createHash("sha256");
let byteLength = 0;
for await (const chunk of channel.readable) {
  hash.update(chunk);
  byteLength += chunk.length;
}
console.log(`${byteLength} ${hash.digest("hex")}`);
