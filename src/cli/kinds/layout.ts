/** Reads a layout: `sync/layout_table.ts`. */

import { readTable, type SeenPart } from "../../sync/layout_table.ts";
import { formatTable, printable } from "../format.ts";
import type { Finding } from "./finding.ts";
import { damaged, type LockPlace, type Look } from "./look.ts";
import { byteLengthOf, PRIMITIVES, type PrimitiveState } from "./primitive.ts";

const NOTHING: PrimitiveState = { state: "", locks: [] };

export function readLayout(look: Look): Finding {
  const { version, byteLength, parts } = readTable((byteOffset, length) =>
    new DataView(look.bytes(byteOffset, length).buffer)
  );
  if (byteLength > look.byteLength) {
    throw damaged(`its ${byteLength} bytes are more than the region has`);
  }
  const read = parts.map((part) => ({ part, ...stateOf(look, part) }));
  return {
    version,
    fields: {
      layoutByteLength: byteLength,
      parts: read.map(({ part: { name, kind, type, byteOffset, byteLength }, state }) => ({
        name,
        kind,
        ...(type === "" ? {} : { type }),
        byteOffset,
        byteLength,
        ...(state === "" ? {} : { state }),
      })),
    },
    lines: { parts: `${parts.length}` },
    table: formatTable(
      [{ title: "OFFSET", right: true }, { title: "NAME" }, { title: "WHAT" }, { title: "STATE" }],
      read.map(({ part, state }) => [
        String(part.byteOffset),
        printable(part.name),
        printable(part.type || part.kind),
        state,
      ]),
    ),
    locks: read.flatMap(({ locks }): readonly LockPlace[] => locks),
    bells: read.filter(({ bell }) => bell !== undefined).map(({ part, bell }) => ({
      byteOffset: part.byteOffset + bell!,
      what: part.name,
    })),
  };
}

function stateOf(look: Look, part: SeenPart): PrimitiveState {
  const read = PRIMITIVES[part.kind];
  if (read === undefined) return NOTHING;
  if (part.byteLength !== byteLengthOf(part.kind)) {
    throw damaged(`no ${part.kind} has ${part.byteLength} bytes`);
  }
  return read(look.words(part.byteOffset, part.byteLength), part, look);
}
