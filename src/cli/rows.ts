/** Rows of sixteen bytes, as `hexdump -C` shows them and as JSON. */

import type { Chunk } from "./chunk.ts";
import { formatJson } from "./format.ts";

/** Bytes of a row. */
const ROW_BYTES = 16;

/** A run of rows that are not shown one by one: equal to the row before them, or missing. */
interface Run {
  readonly kind: "same" | "missing";
  readonly byteOffset: number;
  byteLength: number;
}

/** Turns chunks into text, and leaves out rows that repeat the previous one. */
export class Rows {
  readonly #json: boolean;
  /** The last row that was shown. */
  #last: Chunk | undefined;
  #run: Run | undefined;
  #end = 0;

  constructor(json: boolean) {
    this.#json = json;
  }

  /** The text of a chunk. */
  add(chunk: Chunk): string {
    const lines: string[] = [];
    for (let start = 0; start < chunk.bytes.length; start += ROW_BYTES) {
      lines.push(this.#row(rowAt(chunk, start)));
      if (this.#run === undefined) continue;
      const repeated = repeatedBytes(chunk, start + ROW_BYTES);
      this.#run.byteLength += repeated;
      this.#end += repeated;
      start += repeated;
    }
    return lines.join("");
  }

  /** The text of the rows of a chunk that `wanted` accepts. */
  addSome(chunk: Chunk, wanted: (row: Chunk) => boolean): string {
    const lines: string[] = [];
    for (let start = 0; start < chunk.bytes.length; start += ROW_BYTES) {
      const row = rowAt(chunk, start);
      if (wanted(row)) lines.push(this.#row(row));
    }
    return lines.join("");
  }

  /** The text at the end of a dump: the last offset, as `hexdump` prints it. */
  end(): string {
    const run = this.#endRun(false);
    this.#last = undefined;
    return this.#json ? run : `${run}${offsetText(this.#end)}\n`;
  }

  /** The text at the end of a batch of rows, after which any row may follow. */
  pause(): string {
    const run = this.#endRun(true);
    this.#last = undefined;
    return run;
  }

  #row(row: Chunk): string {
    const gap = row.byteOffset !== this.#end;
    const kind = this.#kindOf(row, gap);
    const continues = kind !== undefined && kind === this.#run?.kind && !gap;
    const before = continues ? "" : this.#endRun(gap);
    this.#end = row.byteOffset + row.bytes.length;
    if (kind === undefined) {
      this.#last = row;
      return before + this.#dataText(row);
    }
    if (kind === "missing") this.#last = undefined;
    if (!continues) this.#run = { kind, byteOffset: row.byteOffset, byteLength: 0 };
    this.#run!.byteLength += row.bytes.length;
    return continues ? "" : before + this.#runText(kind, row.byteOffset);
  }

  /** Undefined for a row to be shown. */
  #kindOf(row: Chunk, gap: boolean): Run["kind"] | undefined {
    if (row.missing.indexOf(0) === -1) return "missing";
    return !gap && this.#last !== undefined && sameBytes(this.#last, row) ? "same" : undefined;
  }

  /** @param told whether the end of the run would otherwise not be visible */
  #endRun(told: boolean): string {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return "";
    const { kind, byteOffset, byteLength } = run;
    if (this.#json) return formatJson({ byteOffset, byteLength, [kind]: true });
    return told ? `${offsetText(byteOffset + byteLength)}\n` : "";
  }

  #runText(kind: Run["kind"], byteOffset: number): string {
    if (this.#json) return "";
    return kind === "same" ? "*\n" : `${offsetText(byteOffset)}  **\n`;
  }

  #dataText(row: Chunk): string {
    const { byteOffset, bytes: { length: byteLength } } = row;
    const pairs = hexPairs(row);
    if (this.#json) return formatJson({ byteOffset, byteLength, hex: pairs.join("") });
    const left = pairs.slice(0, ROW_BYTES / 2).join(" ");
    const right = pairs.slice(ROW_BYTES / 2).join(" ");
    return `${offsetText(byteOffset)}  ${left.padEnd(23)}  ${right.padEnd(23)}  |${ascii(row)}|\n`;
  }
}

/** Whether two chunks have the same bytes and the same missing ones. */
export function sameBytes(a: Chunk, b: Chunk): boolean {
  if (a.bytes.length !== b.bytes.length) return false;
  for (let i = 0; i < a.bytes.length; i++) {
    if (a.bytes[i] !== b.bytes[i] || a.missing[i] !== b.missing[i]) return false;
  }
  return true;
}

function rowAt({ byteOffset, bytes, missing }: Chunk, start: number): Chunk {
  const end = start + ROW_BYTES;
  return {
    byteOffset: byteOffset + start,
    bytes: bytes.subarray(start, end),
    missing: missing.subarray(start, end),
  };
}

/**
 * How many bytes of whole rows after `start` repeat the row before it; for large empty parts of
 * files.
 */
function repeatedBytes({ bytes, missing }: Chunk, start: number): number {
  let i = start;
  while (
    i < bytes.length && bytes[i] === bytes[i - ROW_BYTES] && missing[i] === missing[i - ROW_BYTES]
  ) i++;
  return Math.max(0, Math.floor((i - start) / ROW_BYTES) * ROW_BYTES);
}

function offsetText(byteOffset: number): string {
  return byteOffset.toString(16).padStart(8, "0");
}

/** The hexadecimal pairs; "**" for a missing byte. */
function hexPairs({ bytes, missing }: Chunk): string[] {
  return Array.from(
    bytes,
    (byte, i) => missing[i] === 1 ? "**" : byte.toString(16).padStart(2, "0"),
  );
}

function ascii({ bytes, missing }: Chunk): string {
  const characters = Array.from(bytes, (byte, i) => {
    if (missing[i] === 1) return "*";
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  });
  return characters.join("");
}
