/**
 * Checks that the tables of all parts keep up with the code, and that the README stays one that is read. Its
 * examples run as documentation tests.
 */

import { assertEquals } from "@std/assert";
import * as api from "@mmap/mmap";
import * as libc from "@mmap/mmap/libc";
import { brokenLinks, pagesOf } from "./_markdown.ts";

const ROOT = new URL("../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));
const API = Deno.readTextFileSync(new URL("docs/api.md", ROOT));

function missing(names: Iterable<string>): string[] {
  return [...names].filter((name) => !new RegExp(`[\`.(]${name}\\b`).test(API));
}

/** The names of a class's members, but for those that every class has and symbols. */
function members(type: { readonly prototype: object }): string[] {
  const ofFunctions = ["length", "name", "prototype"];
  return [
    ...Object.getOwnPropertyNames(type).filter((name) => !ofFunctions.includes(name)),
    ...Object.getOwnPropertyNames(type.prototype).filter((name) => name !== "constructor"),
  ];
}

Deno.test("docs/api.md names every member of MmapRegion", () => {
  assertEquals(missing(members(api.MmapRegion)), []);
});

Deno.test("docs/api.md names every export of the module", () => {
  assertEquals(missing(Object.keys(api)), []);
});

Deno.test("docs/api.md names every raw call", () => {
  const calls = Object.entries(libc).filter(([, value]) => typeof value === "function");
  assertEquals(missing(calls.map(([name]) => name)), []);
});

Deno.test("README.md has at most 200 lines and 12 KB", () => {
  assertEquals(README.split("\n").length <= 200, true, "lines");
  assertEquals(new TextEncoder().encode(README).length <= 12_000, true, "bytes");
});

Deno.test("The pages of the root link to places that are there", () => {
  const pages = [".", "examples", "languages/c"].flatMap(pagesOf);
  assertEquals(pages.flatMap(brokenLinks), []);
  assertEquals(pages.some(({ path }) => path === "README.md"), true);
});
