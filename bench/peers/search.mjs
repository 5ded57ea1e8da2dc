// Searches a file for each line of standard input, which is hexadecimal, as a Buffer of Bun or Node;
// prints the nanoseconds that it took.

import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

const bytes = readFileSync(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const needle = Buffer.from(line, "hex");
  const start = process.hrtime.bigint();
  const found = bytes.indexOf(needle);
  const taken = process.hrtime.bigint() - start;
  process.stdout.write(found === -1 ? `${taken}\n` : "found\n");
}
