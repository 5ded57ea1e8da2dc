/** What can be asked of a region's pages. */

import type { Advice } from "@mmap/mmap";
import { arg } from "../hostile.ts";
import { expect } from "../mismatch.ts";
import { PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { inBackground, onPart, pagesMeant, refused } from "../parts.ts";
import { checkContent, pagesOf } from "../regions.ts";
import { attempt, mustSucceed, mustThrow } from "../verdict.ts";
import type { Live } from "../world.ts";
import { protect } from "./protect.ts";

const ADVICE: readonly Advice[] = [
  "normal",
  "random",
  "sequential",
  "will-need",
  "dont-need",
  "dont-need",
  "free",
  "cold",
  "page-out",
  "huge-page",
  "no-huge-page",
  "collapse",
  "dont-fork",
  "do-fork",
  "dont-dump",
  "do-dump",
  "mergeable",
  "unmergeable",
];

const advise: Operation = {
  name: "advise",
  covers: ["advise"],
  weight: 5,
  run(world): void {
    const advice = world.random.pick(ADVICE);
    world.note(advice);
    const given = arg(world, advice);
    onPart(world, (live, part, range) => {
      const outcome = attempt(() => live.region.advise(given, range()));
      if (live.closed || refused(world, live, part, outcome)) return;
      // Text that changes when it is read may have meant any advice.
      if (advice !== "dont-need" && advice !== "free" && world.tame) return;
      const certain = outcome.ok && advice === "dont-need" && world.tame;
      forgetContent(live, pagesMeant(world, live, part), certain);
    });
  },
};

/** Private pages are dropped, or may have been; others are read again from their object. */
function forgetContent(live: Live, [first, last]: [number, number], certain: boolean): void {
  const { main } = live;
  main.drop(first, last, certain);
  if (!main.spec.plain) return;
  const [from, to] = [first * PAGE, Math.min(last * PAGE, main.spec.object.size)];
  if (certain) main.spec.object.write(from, new Uint8Array(to - from));
  else main.spec.object.forget(from, to);
}

/** Whether all pages of a part can be faulted in. */
function allThere({ main }: Live, [first, last]: [number, number], write: boolean): boolean {
  if (main.uncertain) return false;
  for (let page = first; page < last; page++) if (!main.touchable(page, write)) return false;
  return true;
}

const populateSync: Operation = {
  name: "populateSync",
  covers: ["populateSync"],
  weight: 3,
  run(world): void {
    onPart(world, (live, part, range) => {
      const outcome = attempt(() => live.region.populateSync(range()));
      if (live.closed || refused(world, live, part, outcome)) return;
      const [first, last] = pagesMeant(world, live, part);
      const there = allThere(live, [first, last], live.sharing === "private");
      if (world.tame && there) mustSucceed(outcome, "populateSync()");
      live.main.populate(first, last, outcome.ok && world.tame);
    });
  },
};

const populate: Operation = {
  name: "populate",
  covers: ["populate"],
  weight: 1.5,
  run(world): void {
    onPart(world, (live, part, range) => {
      // Getters run at once, and may have resized the region.
      const calling = live.region.populate(range());
      const finish = live.main.beginPopulate(...pagesMeant(world, live, part));
      inBackground(world, live, () => calling, finish);
    });
  },
};

const locking: Operation = {
  name: "lockPages, unlockPages",
  covers: ["lockPages", "unlockPages", "lock", "unlock"],
  weight: 2.5,
  run(world): void {
    onPart(world, (live, part, range) => {
      const lock = world.random.once(2);
      const outcome = attempt(() => {
        const old = world.random.once(8);
        if (lock) return old ? live.region.lock(range()) : live.region.lockPages(range());
        return old ? live.region.unlock(range()) : live.region.unlockPages(range());
      });
      if (live.closed || refused(world, live, part, outcome)) return;
      const pages = pagesMeant(world, live, part);
      if (world.tame && allThere(live, pages, false)) mustSucceed(outcome, "lockPages()");
      if (lock) live.main.lock(...pages);
    });
  },
};

const residency: Operation = {
  name: "residency",
  covers: ["residency"],
  weight: 2,
  run(world): void {
    onPart(world, (live, part, range) => {
      const outcome = attempt(() => live.region.residency(range()));
      if (live.closed || refused(world, live, part, outcome) || !world.tame) return;
      const { pageSize, pages, residentPages, map } = mustSucceed(outcome, "residency()");
      const [first, last] = pagesOf(live, part.at, part.byteLength);
      const sum = map.reduce((count, one) => count + one, 0);
      expect(pageSize === PAGE && pages === last - first, "residency() of another range");
      expect(map.length === pages && sum === residentPages, "residency() counts wrong");
    });
  },
};

const probe: Operation = {
  name: "probe",
  covers: ["probe"],
  weight: 3,
  run(world): void {
    onPart(world, (live, part, range) => {
      const outcome = attempt(() => live.region.probe(range()));
      if (live.closed || refused(world, live, part, outcome) || !world.tame) return;
      const map = mustSucceed(outcome, "probe()");
      const [first, last] = pagesOf(live, part.at, part.byteLength);
      expect(map.length === last - first, "probe() of another range");
      if (live.main.uncertain) return;
      const { object, fileOffset } = live.main.spec;
      for (let page = first; page < last; page++) {
        const inObject = fileOffset / PAGE + page < object.pages;
        const there = inObject && live.main.touchable(page, false) ? 1 : 0;
        expect(map[page - first] === there, `probe() says ${map[page - first]} of page ${page}`);
      }
    });
  },
};

const discard: Operation = {
  name: "discard",
  covers: ["discard"],
  weight: 4,
  run(world): void {
    onPart(world, (live, part, range) => {
      const outcome = attempt(() => live.region.discard(range()));
      if (live.closed || refused(world, live, part, outcome)) return;
      if (live.access === "read") {
        return mustThrow(outcome, Deno.errors.PermissionDenied, "discard() of a read-only region");
      }
      predictDiscard(
        live,
        world.tame ? part : { at: 0, byteLength: live.byteLength },
        outcome.ok && world.tame,
      );
      checkContent(world, live, 4);
    });
  },
};

function predictDiscard(
  live: Live,
  { at, byteLength }: { at: number; byteLength: number },
  certain: boolean,
): void {
  const { spec } = live.main;
  const start = live.lead + at;
  const [first, last] = pagesOf(live, at, byteLength);
  if (live.sharing === "shared") {
    // In the object; what a page that is cut off shows stays.
    const from = spec.fileOffset + start;
    const inside = Math.max(0, Math.min(byteLength, spec.object.size - from));
    // A write seal forbids holes: there zeros are written by the mapping.
    if (certain && live.object.sealedWrite) live.main.write(start, new Uint8Array(byteLength));
    else if (certain) spec.object.write(from, new Uint8Array(inside));
    else spec.object.forget(from, from + byteLength);
    // They may end at a page that forbids it, and have changed those before, copies among them.
    if (!certain && live.object.sealedWrite) live.main.forgetPages(first, last);
  } else if (certain) {
    if (spec.plain) spec.object.write(start, new Uint8Array(byteLength));
    else live.main.write(start, new Uint8Array(byteLength));
  } else {
    live.main.forgetPages(first, last);
    if (spec.plain) spec.object.forget(first * PAGE, last * PAGE);
  }
}

export const PAGES: readonly Operation[] = [
  advise,
  populateSync,
  populate,
  protect,
  locking,
  residency,
  probe,
  discard,
];
