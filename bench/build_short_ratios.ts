/**
 * What messages and look-ups cost in this build against another one beside it:
 * `deno run -A bench/build_short_ratios.ts OTHER_CHECKOUT`, as build_ratios.ts, followed by a part of the
 * topics' names if not all are wanted.
 *
 * The figures are processor time: what other programs take does not count.
 */

import { resolve, toFileUrl } from "@std/path";
import { type Medians, printComparison, printHead } from "./_ratio.ts";
import type { Build, Work } from "./_short_work.ts";

type Works = typeof import("./_short_work.ts");

const [checkout, wanted = ""] = Deno.args;
if (checkout === undefined) {
  throw new TypeError("deno run -A bench/build_short_ratios.ts OTHER_CHECKOUT");
}

const TIMES = 20_000;
const ROUNDS = 61;

async function load(directory: URL): Promise<Build> {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", directory)));
  const names = [".", "./channel", "./collections"];
  const modules = names.map((name) => import(new URL(exports[name], directory).href));
  return Object.assign({}, ...await Promise.all(modules));
}

const here = new URL("../", import.meta.url);
const builds = [await load(here), await load(toFileUrl(`${resolve(checkout)}/`))] as const;

/** Loads the work anew, so that nothing that was learnt about one build slows the other one down. */
async function workOf(build: Build, make: (works: Works, build: Build) => Work): Promise<Work> {
  const copy = `./_short_work.ts?${copies++}`;
  return make(await import(copy), build);
}

let copies = 0;

async function compare(
  topic: string,
  atMost: number | undefined,
  make: (works: Works, build: Build) => Work,
  against: (works: Works, build: Build) => Work = make,
  names = ["this build", "the other"],
): Promise<void> {
  if (!topic.includes(wanted)) return;
  const ours = await workOf(builds[0], make);
  const theirs = await workOf(builds[make === against ? 1 : 0], against);
  await printComparison(topic, {
    ours: { name: names[0]!, measure: () => ours(TIMES) },
    theirs: { name: names[1]!, measure: () => theirs(TIMES) },
    rounds: ROUNDS,
  }, {
    figure: ({ ours, theirs }: Medians) => ours / theirs,
    unit: " of its time",
    ...(atMost === undefined ? {} : { atMost }),
  });
}

printHead();
await compare("trySend, tryReceiveInto: 8 B", undefined, ({ into }, build) => into(build, 8));
await compare("trySend, tryReceiveInto: 64 B", 0.75, ({ into }, build) => into(build, 64));
await compare("trySend, tryReceiveInto: 1 KiB", 1.05, ({ into }, build) => into(build, 1024));
await compare("trySend, tryReceive, pooled: 64 B", 1, ({ pooled }, build) => pooled(build, 64));
await compare(
  "trySend, tryReceive, pooled: 1 KiB",
  0.8,
  ({ pooled }, build) => pooled(build, 1024),
);
await compare("receiveInto, awaited: 64 B", 0.75, ({ awaitedInto }, build) => {
  return awaitedInto(build, 64);
});
await compare("receiveMany, awaited: 64 B", 0.75, ({ awaitedMany }, build) => {
  return awaitedMany(build, 64);
});
await compare("SharedMap.get, pooled, 1000 keys", 0.85, ({ get }, build) => get(build, 1000));
await compare(
  "read a value, of 1000 keys",
  1,
  ({ getInto }, build) => getInto(build, 1000),
  ({ get }, build) => get(build, 1000),
  ["SharedMap.getInto", "SharedMap.get, pooled"],
);
const many = { producers: "multiple" } as const;
await compare(
  "trySend of 64 B",
  1.2,
  ({ sending }, build) => sending(build, 64, many),
  ({ sending }, build) => sending(build, 64),
  ["the one of several producers", "a single producer"],
);
await compare(
  "trySend, tryReceiveInto: 64 B",
  1.2,
  ({ into }, build) => into(build, 64, many),
  ({ into }, build) => into(build, 64),
  ["the one of several producers", "a single producer"],
);
await compare(
  "a message of 64 B, both ends in turn",
  undefined,
  ({ inTurn }, build) => inTurn(build, 64, 1000),
  ({ inTurn }, build) => inTurn(build, 64, 1),
  ["1000 channels", "one channel"],
);
