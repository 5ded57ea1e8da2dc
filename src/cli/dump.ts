/** `mmap dump` */

import { CHUNK_BYTES, readChunk } from "./chunk.ts";
import type { Command, Input } from "./command.ts";
import { follow, MAX_FOLLOWED_BYTES } from "./follow.ts";
import { formatSize, parseBytes } from "./format.ts";
import { print } from "./output.ts";
import { Rows } from "./rows.ts";
import { Target } from "./target.ts";

/** Shows the bytes of an object. */
export const dump: Command = {
  name: "dump",
  operands: "TARGET",
  summary: "prints bytes in hexadecimal and ASCII",
  details:
    "Rows that repeat the one before are one '*'; pages that are not there, such as those of\n" +
    "a file that was truncated meanwhile, are '**'. JSON is one object per line: a row with its\n" +
    'hex, or a run of rows that are "same" or "missing". BYTES may be as 4096, 0x1000 or 4k.',
  options: {
    offset: { value: "BYTES", help: "where to begin (default 0)" },
    length: { value: "BYTES", help: "how much to print (default: all)" },
    follow: {
      help: "then print the rows that change, until interrupted; " +
        `at most ${formatSize(MAX_FOLLOWED_BYTES)}`,
    },
  },
  run: runDump,
};

async function runDump(input: Input): Promise<number> {
  const offset = readBytes(input, "offset") ?? 0;
  const length = readBytes(input, "length");
  using target = new Target(input.operands[0]!);
  checkOffset(offset, target);
  const rows = new Rows(input.json);
  if (input.values.follow === true) await follow(target, { offset, length }, rows);
  else await dumpOnce(target, { offset, length }, rows);
  return 0;
}

function readBytes({ values, usageError }: Input, option: string): number | undefined {
  const text = values[option];
  if (typeof text !== "string") return undefined;
  const bytes = parseBytes(text);
  if (bytes !== undefined) return bytes;
  throw usageError(`--${option} must be a number of bytes, not '${text}'`);
}

function checkOffset(offset: number, { text, byteLength }: Target): void {
  if (offset <= byteLength) return;
  throw new RangeError(`Cannot dump '${text}' from byte ${offset}: it has ${byteLength} bytes`);
}

async function dumpOnce(
  target: Target,
  { offset, length }: { offset: number; length: number | undefined },
  rows: Rows,
): Promise<void> {
  const end = Math.min(target.byteLength, offset + (length ?? Infinity));
  for (let at = offset; at < end; at += CHUNK_BYTES) {
    await print(rows.add(readChunk(target, at, Math.min(CHUNK_BYTES, end - at))));
  }
  if (end > offset) await print(rows.end());
}
