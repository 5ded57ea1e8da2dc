/** Holds a Map, and answers each key that comes in on stdin, 16 bytes each, with its value on stdout. */

import { KEY_BYTE_LENGTH, keyOf, valueOf } from "../_map_work.ts";

const map = new Map<string, Uint8Array>();
for (let i = 0; i < Number(Deno.args[0]); i++) map.set(keyOf(i), valueOf(i));

const decoder = new TextDecoder();
const key = new Uint8Array(KEY_BYTE_LENGTH);
while (true) {
  for (let filled = 0; filled < key.length;) {
    const read = Deno.stdin.readSync(key.subarray(filled));
    if (read === null) Deno.exit(0);
    filled += read;
  }
  Deno.stdout.writeSync(map.get(decoder.decode(key))!);
}
