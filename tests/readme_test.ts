/**
 * Checks that the tables of all parts keep up with the code, and that the README stays one that is read. Its
 * examples run as documentation tests.
 */

import { assertEquals } from "@std/assert";
import * as api from "@mmap/mmap";
import * as channel from "@mmap/mmap/channel";
import * as collections from "@mmap/mmap/collections";
import * as libc from "@mmap/mmap/libc";
import * as sync from "@mmap/mmap/sync";
import { brokenLinks, pagesOf } from "./_markdown.ts";

const ROOT = new URL("../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));
const API = Deno.readTextFileSync(new URL("docs/api.md", ROOT));

function missing(names: Iterable<string>, text: string = API): string[] {
  return [...names].filter((name) => !new RegExp(`[\`.(]${name}\\b`).test(text));
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

/** The classes of the other entry points, each with the heading under which docs/api.md has its members. */
const CLASSES = [
  ...classesOf(channel, {
    Channel: "Messages",
    StructChannel: "Messages",
    Broadcast: "One writer, many readers",
    Latest: "The newest value",
    Server: "Calls",
    Client: "Calls",
  }),
  ...classesOf(collections, "Collections"),
  ...classesOf(sync, "Synchronisation"),
];

function classesOf(
  module: object,
  headings: string | Readonly<Record<string, string>>,
): { name: string; type: { readonly prototype: object }; heading: string | undefined }[] {
  return Object.entries(module).filter(([, value]) => String(value).startsWith("class "))
    .map(([name, type]) => ({
      name,
      type,
      heading: typeof headings === "string" ? headings : headings[name],
    }));
}

/** The rows of a class with the titles of their columns, or all of the section if it has no rows. */
function tableOf(name: string, heading: string | undefined): string {
  const section = API.split(/^##+ /m).find((section) => section.startsWith(`${heading}\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith(`| \`${name}\``));
  const titles = section.split("\n").filter((_, i, lines) => lines[i + 1]?.startsWith("| --"));
  return rows.length === 0 ? section : [...titles, ...rows].join("\n");
}

for (const { name, type, heading } of CLASSES) {
  Deno.test(`docs/api.md names every member of ${name}`, () => {
    assertEquals(missing(members(type), tableOf(name, heading)), []);
  });
}

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
