/** Arguments that no program should give: wrong types, wrong numbers, and objects with a mind. */

import type { World } from "./world.ts";

/** Thrown by hostile getters; whoever reads them must let it through. */
export class HostileError extends Error {
  override readonly name = "HostileError";
}

/** None that some call could take for a length: what gets that long takes all memory. */
const BAD_NUMBERS: readonly unknown[] = [
  NaN,
  -1,
  -0.5,
  0.5,
  1e-300,
  Infinity,
  -Infinity,
  2 ** 53,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
];

const BAD_VALUES: readonly unknown[] = [
  null,
  "",
  "1",
  "\0",
  true,
  10n,
  -1n,
  2n ** 64n,
  Symbol("hostile"),
  {},
  [],
  [1],
  () => 1,
  new Date(0),
  Object.create(null),
  new Proxy({}, {
    get(): never {
      throw new HostileError("proxy");
    },
  }),
];

/** Something that is run when a hostile object is looked at: see operations/mischief.ts. */
export type Mischief = (world: World) => void;

let mischief: Mischief = () => {};

/** Says what hostile objects do. */
export function setMischief(action: Mischief): void {
  mischief = action;
}

function act(world: World): void {
  if (world.depth > 0) return;
  world.depth++;
  try {
    mischief(world);
  } finally {
    world.depth--;
  }
}

/** Any value that is not what was asked for. */
export function badValue(world: World): unknown {
  world.tame = false;
  const { random } = world;
  if (random.once(3)) return random.pick(BAD_NUMBERS);
  if (random.once(3)) return changingText(world, random.pick(["normal", "read", "none", "x"]));
  return random.pick(BAD_VALUES);
}

/** An object that becomes text, or a number, by code of its own. */
function changingText(world: World, text: string): unknown {
  const become = (): string => {
    act(world);
    return text;
  };
  return { toString: become, valueOf: become, [Symbol.toPrimitive]: become };
}

/** The value, or in a wild operation perhaps another one. */
export function arg<T>(world: World, value: T): T {
  return world.wild && world.random.once(4) ? badValue(world) as T : value;
}

/** An object of those fields; in a wild operation perhaps with bad fields and getters. */
export function bag<T extends object>(world: World, fields: T): T {
  if (!world.wild || world.random.once(3)) return fields;
  if (world.random.once(8)) return badValue(world) as T;
  world.tame = false;
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    const given = arg(world, value);
    if (world.random.once(2)) made[key] = given;
    else Object.defineProperty(made, key, { enumerable: true, get: getter(world, given) });
  }
  return made as T;
}

function getter(world: World, value: unknown): () => unknown {
  const throws = world.random.once(8);
  return () => {
    act(world);
    if (throws) throw new HostileError("getter");
    return value;
  };
}
