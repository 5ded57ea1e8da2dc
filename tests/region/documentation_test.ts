/** What `deno doc` shows of the classes: all of their members, and nothing that is not for users. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { documentationOf } from "../_documentation.ts";
import { PACKAGE } from "../_package.ts";

/** What functions have besides the static members of their class. */
const OF_FUNCTIONS = ["length", "name", "prototype"];

/** A member as `deno doc` spells it. */
function spelling(key: PropertyKey): string {
  if (typeof key !== "symbol") return String(key);
  return Symbol.keyFor(key) === undefined
    ? `[${key.description}]`
    : `[Symbol.for("${Symbol.keyFor(key)}")]`;
}

/** The members of an object, the inherited ones too, up to what all such objects have. */
function membersOf(object: object, end: object, except: readonly string[]): string[] {
  const names = new Set<string>();
  for (let at = object; at !== end; at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at).map(spelling)) names.add(name);
  }
  return [...names].filter((name) => !except.includes(name)).sort();
}

Deno.test("deno doc shows every member of MmapRegion, each with a text", async () => {
  const symbols = await documentationOf(".");
  const { calls } = symbols.find(({ name }) => name === "MmapRegion")!;
  const shown = (isStatic: boolean): string[] => {
    const names = calls.filter((call) => call.isStatic === isStatic).map(({ name }) => name);
    return [...new Set(names)].sort();
  };
  assertEquals(shown(true), membersOf(MmapRegion, Function.prototype, OF_FUNCTIONS));
  assertEquals(shown(false), membersOf(MmapRegion.prototype, Object.prototype, ["constructor"]));
  const described = new Set(calls.filter(({ text }) => text).map(({ name }) => name));
  assertEquals(calls.filter(({ name }) => !described.has(name)), []);
});

for (const entry of Object.keys(PACKAGE.exports)) {
  Deno.test(`deno doc shows no private constructor of ${PACKAGE.name}: ${entry}`, async () => {
    const symbols = await documentationOf(entry);
    assert(symbols.length > 0);
    const shown = symbols.flatMap(({ name, constructors }) =>
      constructors.filter(({ accessibility }) => accessibility !== undefined).map(() => name)
    );
    assertEquals(shown, []);
  });
}
