/** Every operation, and the proof that no public member of a region is left out. */

import { MmapRegion } from "@mmap/mmap";
import type { Operation } from "../operation.ts";
import type { Random } from "../random.ts";
import { ANONYMOUS } from "./anonymous.ts";
import { CLOSE } from "./close.ts";
import { HEALTH } from "./health.ts";
import { LEND } from "./lend.ts";
import { MAKE } from "./make.ts";
import { MEMORY } from "./memory.ts";
import { NAMED } from "./named.ts";
import { OUTSIDE } from "./outside.ts";
import { PAGES } from "./pages.ts";
import { SHARE } from "./share.ts";
import { SIZE } from "./size.ts";
import { TEXT } from "./text.ts";
import { WORKERS } from "./workers.ts";

export const OPERATIONS: readonly Operation[] = [
  ...MAKE,
  ...ANONYMOUS,
  ...NAMED,
  ...SHARE,
  ...MEMORY,
  ...TEXT,
  ...PAGES,
  ...HEALTH,
  ...SIZE,
  ...CLOSE,
  ...WORKERS,
  ...LEND,
  ...OUTSIDE,
];

/** What functions have besides the static members of their class. */
const OF_FUNCTIONS = ["length", "name", "prototype"];

/** The public members: `member`, and `static member`. */
export function membersOfRegions(): string[] {
  const members = chain(MmapRegion.prototype, Object.prototype).flatMap(Reflect.ownKeys);
  const statics = chain(MmapRegion, Function.prototype).flatMap(Reflect.ownKeys)
    .map(String).filter((key) => !OF_FUNCTIONS.includes(key));
  return [...new Set([...members.map(String), ...statics.map((key) => `static ${key}`)])];
}

/** An object and those that it inherits from, up to `end`. */
function chain(object: object, end: object): object[] {
  if (object === end) return [];
  return [object, ...chain(Object.getPrototypeOf(object), end)];
}

/** The members that no operation calls. */
export function uncoveredMembers(): string[] {
  const covered = new Set(OPERATIONS.flatMap(({ covers }) => covers));
  return membersOfRegions().filter((member) => !covered.has(member));
}

const TOTAL = OPERATIONS.reduce((sum, { weight }) => sum + weight, 0);

/** Any operation, those of more weight more often. */
export function pickOperation(random: Random): Operation {
  let at = random.int(0, 1e6 - 1) / 1e6 * TOTAL;
  return OPERATIONS.find(({ weight }) => (at -= weight) < 0) ?? OPERATIONS[0]!;
}
