/**
 * As peer.mjs, by really mapping the memory, with the package @riaskov/mmap-io of the current folder:
 *
 *     npm install @riaskov/mmap-io
 *     node examples/languages/peer_mmap_io.mjs create|attach file|named|descriptor WHERE
 */
// deno-lint-ignore-file explicit-function-return-type -- JavaScript has no types
import { createRequire } from "node:module";
import process from "node:process";
import readline from "node:readline";
import { ANSWER, attach, BYTES, create, remove, whereabouts } from "./_where.mjs";

const installed = createRequire(`${process.cwd()}/`);
const { map, MAP_SHARED, PROT_READ, PROT_WRITE } = installed("@riaskov/mmap-io");

const [action, way, where = ""] = process.argv.slice(2);
const fd = action === "create" ? create(way, where) : attach(way, where);
const memory = map(BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd);

function textAt(offset) {
  return memory.toString("utf8", offset, memory.indexOf(0, offset));
}

if (action === "attach") {
  console.log(textAt(0));
  memory.write("used by Node mmap-io\0", ANSWER);
} else {
  memory.write("made by Node mmap-io\0", 0);
  console.log(whereabouts(way, where, fd));
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    console.log(textAt(ANSWER));
  }
  remove(way, where);
}
