/** Checks that the README keeps up with the code; its own examples run as documentation tests. */

import { assertEquals } from "@std/assert";
import * as api from "@mmap/mmap";
import * as libc from "@mmap/mmap/libc";

const ROOT = new URL("../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));

function missing(names: Iterable<string>): string[] {
  return [...names].filter((name) => !new RegExp(`[\`.(]${name}\\b`).test(README));
}

/** The names of a class's members, but for those that every class has and symbols. */
function members(type: { readonly prototype: object }): string[] {
  const ofFunctions = ["length", "name", "prototype"];
  return [
    ...Object.getOwnPropertyNames(type).filter((name) => !ofFunctions.includes(name)),
    ...Object.getOwnPropertyNames(type.prototype).filter((name) => name !== "constructor"),
  ];
}

/** A region's class, and those that it inherits from. */
const CLASSES = [api.MmapRegion, api.MappedMemory, api.MappedText, api.MappedBytes];

Deno.test("README.md names every member of MmapRegion", () => {
  assertEquals(missing(CLASSES.flatMap(members)), []);
});

Deno.test("README.md names every export of the module", () => {
  assertEquals(missing(Object.keys(api)), []);
});

Deno.test("README.md names every raw call", () => {
  const calls = Object.entries(libc).filter(([, value]) => typeof value === "function");
  assertEquals(missing(calls.map(([name]) => name)), []);
});

Deno.test("README.md links to files that are there", () => {
  const links = [...README.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1]!);
  const gone = links.filter((link) => {
    try {
      Deno.statSync(new URL(link, ROOT));
      return false;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
  });
  assertEquals(gone, []);
  assertEquals(links.includes("examples/raw_mmap.ts"), true);
});
