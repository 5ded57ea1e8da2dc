/** Changing what pages may be used for. */

import type { Protection } from "@mmap/mmap";
import { arg } from "../hostile.ts";
import type { Rights } from "../mapping_model.ts";
import { PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { onPart, type Part, refused } from "../parts.ts";
import { pagesOf } from "../regions.ts";
import { attempt, mustSucceed, mustThrow, type Outcome } from "../verdict.ts";
import type { Live, World } from "../world.ts";

const PROTECTIONS: Readonly<Record<Protection, Rights>> = {
  "none": "none",
  "read": "read",
  "read-write": "write",
  "read-execute": "read",
  "read-write-execute": "write",
};

export const protect: Operation = {
  name: "protect",
  covers: ["protect"],
  weight: 5,
  run(world): void {
    const protection = world.random.pick(Object.keys(PROTECTIONS) as Protection[]);
    world.note(protection);
    const given = arg(world, protection);
    onPart(world, (live, picked, range) => {
      const part = world.tame && world.random.once(2) ? wholePages(live, picked) : picked;
      const call = part === picked
        ? () => live.region.protect(given, range())
        : () => live.region.protect(given, { byteOffset: part.at, byteLength: part.byteLength });
      const outcome = attempt(call);
      if (!live.closed && live.guard && outcome.ok) live.main.spec.guarded = true;
      if (live.closed || refused(world, live, part, outcome)) return;
      predictProtect(world, live, part, protection, outcome);
    });
  },
};

/** The same part, from page to page. */
function wholePages(live: Live, part: Part): Part {
  if (!part.fits) return part;
  const [first, last] = pagesOf(live, part.at, part.byteLength);
  const at = Math.max(0, first * PAGE - live.lead);
  const end = Math.min(live.byteLength, last * PAGE - live.lead);
  return { ...part, at, byteLength: end - at };
}

function predictProtect(
  world: World,
  live: Live,
  part: Part,
  protection: Protection,
  outcome: Outcome<void>,
): void {
  if (!world.tame) return live.main.loseRights();
  const start = live.lead + part.at;
  const end = start + part.byteLength;
  const cutsStart = start % PAGE !== 0 && part.at !== 0;
  const cutsEnd = end % PAGE !== 0 && part.at + part.byteLength !== live.byteLength;
  if (cutsStart || cutsEnd) return mustThrow(outcome, RangeError, "protect() of half a page");
  const [first, last] = pagesOf(live, part.at, part.byteLength);
  const rights = PROTECTIONS[protection];
  const execute = protection.endsWith("execute");
  const may = live.access !== "read" || rights !== "write";
  if (!execute && may && !live.main.uncertain) mustSucceed(outcome, "protect()");
  if (outcome.ok) live.main.setRights(first, last, rights);
  // Some pages may have got it, as what is mapped there may differ.
  else if (!(outcome.error instanceof RangeError)) live.main.loseRights();
}
