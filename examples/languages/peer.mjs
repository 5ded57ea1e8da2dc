/**
 * Shares 4096 bytes with another process, of whatever language, from Node:
 *
 *     node examples/languages/peer.mjs create file|named|descriptor [PATH or NAME]
 *     node examples/languages/peer.mjs attach file|named|descriptor WHERE
 *
 * Node has no mmap. It reads and writes the same object by its descriptor: the kernel keeps one copy
 * of the bytes, so that a mapping and read() or write() see each other's changes at once.
 *
 * A creator writes "made by Node" at byte 0, prints where the memory is, and for each line that it
 * reads prints the text at byte 64. An attacher prints the text at byte 0 and writes "used by Node"
 * at byte 64.
 */
// deno-lint-ignore-file explicit-function-return-type -- JavaScript has no types
import { Buffer } from "node:buffer";
import fs from "node:fs";
import process from "node:process";
import readline from "node:readline";
import { ANSWER, attach, create, remove, whereabouts } from "./_where.mjs";

function textAt(fd, offset) {
  const bytes = Buffer.alloc(ANSWER);
  fs.readSync(fd, bytes, 0, bytes.length, offset);
  return bytes.toString("utf8", 0, bytes.indexOf(0));
}

const [action, way, where = ""] = process.argv.slice(2);
if (action === "attach") {
  const fd = attach(way, where);
  console.log(textAt(fd, 0));
  fs.writeSync(fd, "used by Node\0", ANSWER);
} else {
  const fd = create(way, where);
  fs.writeSync(fd, "made by Node\0", 0);
  console.log(whereabouts(way, where, fd));
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    console.log(textAt(fd, ANSWER));
  }
  remove(way, where);
}
