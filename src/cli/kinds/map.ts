/** Reads a map: `collections/map_layout.ts`. */

import {
  FREE_COUNT,
  GENERATION,
  layoutNow,
  layoutOf,
  RESIZES,
  SIZE,
  TOMBSTONES,
} from "../../collections/map_layout.ts";
import { percent } from "../format.ts";
import { readHead, writersMutex } from "./collection.ts";
import type { Finding } from "./finding.ts";
import { damaged, type Look } from "./look.ts";

export function readMap(look: Look): Finding {
  const { words, header, version } = readHead(look, "map");
  const first = layoutOf(header, look.byteLength, "read map");
  const layout = words[RESIZES] === 0 ? first : layoutNow(words, first, "read map");
  const { capacity, maxKeyByteLength, valueByteLength } = layout;
  const size = words[SIZE]! >>> 0;
  if (size > capacity) throw damaged(`${size} keys are more than its capacity of ${capacity}`);
  const [generation, tombstones, free] = [GENERATION, TOMBSTONES, FREE_COUNT].map((at) =>
    words[at]! >>> 0
  );
  const full = size / capacity;
  return {
    version,
    fields: {
      size,
      capacity,
      maxKeyByteLength,
      valueByteLength,
      generation,
      tombstones,
      free,
      full,
    },
    lines: {
      keys: `${size} of ${capacity} (${percent(full)})`,
      lengths: `keys of at most ${maxKeyByteLength} bytes, values of at most ${valueByteLength}`,
      index: `generation ${generation}, ${tombstones} tombstones, ${free} free entries`,
    },
    locks: [writersMutex(look, words)],
    full,
  };
}
