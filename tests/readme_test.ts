/** Checks that the README keeps up with the code; its own examples run as documentation tests. */

import { assertEquals } from "@std/assert";
import * as api from "@mmap/mmap";
import * as libc from "@mmap/mmap/libc";
import { brokenLinks, pagesOf } from "./_markdown.ts";

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

Deno.test("README.md names every member of MmapRegion", () => {
  assertEquals(missing(members(api.MmapRegion)), []);
});

Deno.test("README.md names every export of the module", () => {
  assertEquals(missing(Object.keys(api)), []);
});

Deno.test("README.md names every raw call", () => {
  const calls = Object.entries(libc).filter(([, value]) => typeof value === "function");
  assertEquals(missing(calls.map(([name]) => name)), []);
});

Deno.test("The pages of the root link to places that are there", () => {
  const pages = pagesOf(".");
  assertEquals(pages.flatMap(brokenLinks), []);
  assertEquals(pages.some(({ path }) => path === "README.md"), true);
});
