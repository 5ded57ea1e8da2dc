/** Reads a log: `collections/log_words.ts`. */

import { HEADER_BYTE_LENGTH } from "../../collections/header.ts";
import { FRAME_BYTE_LENGTH, nextPosition } from "../../collections/log_records.ts";
import { LogWords, TAIL_INDEX } from "../../collections/log_words.ts";
import { formatSize } from "../format.ts";
import { readHead } from "./collection.ts";
import type { Finding } from "./finding.ts";
import { damaged, type Look } from "./look.ts";

export function readLog(look: Look): Finding {
  const { words, version } = readHead(look, "log");
  const logWords = new LogWords(words);
  const { tail } = logWords;
  const room = look.byteLength - HEADER_BYTE_LENGTH;
  if (tail > room) throw damaged(`its file ends ${tail - room} bytes before its last record`);
  const records = countRecords(look, tail);
  // It only saves work after a crash of the machine, so that nonsense does no harm.
  const committed = logWords.committed <= tail ? Math.max(0, logWords.committed) : 0;
  const { locker } = look.peers;
  return {
    version,
    fields: {
      recordByteLength: tail,
      committedByteLength: committed,
      records: records ?? null,
      room,
      writerPid: locker ?? null,
    },
    lines: {
      records: `${records ?? "many"}, ${formatSize(tail)}`,
      committed: `to byte ${committed} (${formatSize(tail - committed)} are not)`,
      writer: locker === undefined
        ? "none now"
        : locker === null
        ? "not shown here"
        : look.peers.person(locker),
    },
    bells: [{ byteOffset: 4 * TAIL_INDEX, what: "records" }],
    counts: { in: tail, unit: "bytes" },
  };
}

/** How much of a log is walked through, in bytes. */
const MOST_WALKED = 2 ** 24;

/** @returns undefined if it is too much to read */
function countRecords(look: Look, tail: number): number | undefined {
  if (tail > MOST_WALKED) return undefined;
  const words = look.words(HEADER_BYTE_LENGTH, tail);
  let count = 0;
  for (let position = 0; position < tail; count++) {
    const byteLength = words[position / 4]!;
    if (byteLength < 0 || byteLength > tail - position - FRAME_BYTE_LENGTH) {
      throw damaged(`no record can have ${byteLength} bytes, as at position ${position}`);
    }
    position = nextPosition(position, byteLength);
  }
  return count;
}
