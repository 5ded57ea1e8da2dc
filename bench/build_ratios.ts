/**
 * What regions cost in this build against another one beside it:
 * `deno run -A bench/build_ratios.ts OTHER_CHECKOUT`, such as a `git worktree` of an older commit.
 *
 * Both builds are loaded into one process and take turns, so that whatever slows one down slows the
 * other one down too.
 */

import { MmapRegion } from "@mmap/mmap";
import { resolve, toFileUrl } from "@std/path";
import { type Medians, printComparison, printHead, timePerCall } from "./_ratio.ts";
import { KiB, makeFullFile, MiB, withDirectory } from "./_work.ts";

type Regions = typeof MmapRegion;

const [checkout] = Deno.args;
if (checkout === undefined) throw new TypeError("deno run -A bench/build_ratios.ts OTHER_CHECKOUT");
const url = new URL("mod.ts", toFileUrl(`${resolve(checkout)}/`));
const other: Regions = (await import(url.href)).MmapRegion;

const TIMES = 300;
const ROUNDS = 41;
const GROWTHS = 100;

/** Runs the same work with both builds. */
function compare(
  work: string,
  atMost: number,
  measure: (regions: Regions) => number,
  rounds = ROUNDS,
): Promise<unknown> {
  const sides = {
    ours: { name: "this build", measure: () => measure(MmapRegion) },
    theirs: { name: "the other", measure: () => measure(other) },
    rounds,
  };
  const target = { figure: ({ ours, theirs }: Medians) => ours / theirs, unit: "", atMost };
  return printComparison(work, sides, target);
}

/** Opens and closes, many times. */
function openAndClose(
  open: (regions: Regions) => MmapRegion,
  touch: boolean,
): (regions: Regions) => number {
  return (regions) =>
    timePerCall(() => {
      const region = open(regions);
      if (touch) region.bytes[0]!;
      region.close();
    }, TIMES);
}

/** Grows by 64 KiB, again and again. */
function grow(open: (regions: Regions) => MmapRegion): (regions: Regions) => number {
  return (regions) => {
    using region = open(regions);
    let byteLength = region.byteLength;
    return timePerCall(() => region.resize(byteLength += 64 * KiB), GROWTHS);
  };
}

async function compareOpening(dir: string): Promise<void> {
  const path = makeFullFile(dir, MiB);
  const kinds: Record<string, (regions: Regions) => MmapRegion> = {
    "private anonymous": (regions) => regions.anonymous(64 * KiB, { sharing: "private" }),
    "shared anonymous": (regions) => regions.anonymous(64 * KiB),
    "file": (regions) => regions.open(path, { byteLength: 64 * KiB }),
  };
  for (const [name, open] of Object.entries(kinds)) {
    const isFile = name === "file";
    await compare(`open, close: 64 KiB, ${name}`, isFile ? 1.25 : 1.05, openAndClose(open, false));
    await compare(
      `open, first byte, close: 64 KiB, ${name}`,
      isFile ? 1.25 : 1.4,
      openAndClose(open, true),
    );
  }
}

async function compareGrowing(dir: string, name: string): Promise<void> {
  let count = 0;
  const options = { access: "read-write", createNew: true, byteLength: 64 * KiB } as const;
  await compare(
    `grow by 64 KiB: ${name}`,
    0.45,
    grow((regions) => regions.open(`${dir}/growing-${count++}`, options)),
    11,
  );
}

printHead();
await withDirectory(async (dir) => {
  await compareOpening(dir);
  await compareGrowing(dir, "file on the disk");
});
await withDirectory((dir) => compareGrowing(dir, "file on tmpfs"), "/dev/shm");
await compare(
  "grow by 64 KiB: shared anonymous",
  0.45,
  grow((regions) => regions.anonymous(64 * KiB, { resizable: true })),
  11,
);
await compare(
  "grow by 64 KiB: private anonymous",
  0.45,
  grow((regions) => regions.anonymous(64 * KiB, { sharing: "private" })),
  11,
);
