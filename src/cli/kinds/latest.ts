/** Reads a value that newer ones replace. */

import { BELL, geometryFor, VERSION, WRITE_LOCK } from "../../channel/latest/latest.ts";
import { LATEST } from "../../channel/kinds.ts";
import { CAPACITY, FLAGS, HEADER_BYTE_LENGTH } from "../../channel/layout.ts";
import { formatSize } from "../format.ts";
import type { Finding } from "./finding.ts";
import { countAt, damaged, type Look } from "./look.ts";
import { awaiting, awaitingLines, creationLock, readHeader } from "./ring.ts";

export function readLatest(look: Look): Finding {
  const words = readHeader(look, LATEST);
  const [capacity, valueByteLength] = [words[CAPACITY]!, words[FLAGS]!];
  const isPossible = valueByteLength >= 1 && geometryFor(valueByteLength).capacity === capacity &&
    HEADER_BYTE_LENGTH + capacity <= look.byteLength;
  if (!isPossible) throw damaged(`a value of ${valueByteLength} bytes cannot take ${capacity}`);
  const written = countAt(words, VERSION);
  if (written < 0) throw damaged(`it cannot have been written ${written} times`);
  const sleeping = awaiting(look, words);
  return {
    version: LATEST.version,
    fields: { valueByteLength, written, awaiting: sleeping },
    lines: {
      value: `${formatSize(valueByteLength)}, written ${written} times`,
      ...awaitingLines(look, sleeping),
    },
    locks: [
      creationLock(look, words),
      look.lock(words, { index: WRITE_LOCK, name: "turn to write", kind: "turn" }),
    ],
    bells: [{ byteOffset: 4 * BELL, what: "the next value" }],
    counts: { in: written, unit: "times" },
  };
}
