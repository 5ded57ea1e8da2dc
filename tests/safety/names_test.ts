/** Names of shared memory that would lead elsewhere, and those at the limit. */

import { assertEquals } from "@std/assert";
import { isSystemError, MmapRegion } from "@mmap/mmap";
import { system } from "../../src/os/mod.ts";
import { namedFolder } from "../_capabilities.ts";
import { thrownBy } from "../_errors.ts";

const { named } = system();

const OPTIONS = { createNew: true, byteLength: 4096 } as const;

/** What is no name: a directory, nothing, a path, an end within. */
const NO_NAMES: readonly unknown[] = [
  "",
  "/",
  "//",
  ".",
  "..",
  "/.",
  "/..",
  "a/b",
  "a/",
  "//a",
  "../etc/hostname",
  "/../etc/hostname",
  "a\0b",
  "\0",
  "a\0",
  ...named.reservedPrefix === undefined
    ? []
    : [`${named.reservedPrefix}1`, `/${named.reservedPrefix}1`],
  undefined,
  null,
  1,
  {},
  ["a"],
  Symbol("a"),
  new String("a"),
  { toString: () => "a" },
];

for (const name of NO_NAMES) {
  Deno.test({
    name: `MmapRegion.named() and unlink() refuse the name ${Deno.inspect(name)}`,
    fn: () => {
      for (
        const call of [
          () => MmapRegion.named(name as string, OPTIONS),
          () => MmapRegion.named(name as string, { create: true, byteLength: 1 }),
          () => MmapRegion.named(name as string),
          () => MmapRegion.unlink(name as string),
        ]
      ) {
        const error = thrownBy(call) as Error;
        assertEquals([error.constructor, isSystemError(error)], [TypeError, false], String(error));
      }
    },
  });
}

/** So many bytes, not characters, and nobody else's name. */
function nameOf(byteLength: number, filler: string): string {
  const head = `mmap_${crypto.randomUUID().slice(0, 8)}_`;
  const room = byteLength - head.length;
  const size = new TextEncoder().encode(filler).length;
  return head + filler.repeat(Math.floor(room / size)) + "x".repeat(room % size);
}

for (const filler of ["n", "é", "🗺️"]) {
  Deno.test({
    name: `MmapRegion.named() takes as many bytes of "${filler}" as a name may have, and no more`,
    fn: () => {
      const longest = nameOf(named.nameLimit, filler);
      {
        using region = MmapRegion.named(longest, OPTIONS);
        assertEquals(region.name, longest);
        using again = MmapRegion.named(`/${longest}`);
        region.bytes[0] = 7;
        assertEquals(again.bytes[0], 7);
      }
      const error = thrownBy(() => MmapRegion.unlink(longest)) as Error;
      assertEquals(error.constructor, Deno.errors.NotFound);
      const long = nameOf(named.nameLimit + 1, filler);
      for (const call of [() => MmapRegion.named(long, OPTIONS), () => MmapRegion.unlink(long)]) {
        assertEquals((thrownBy(call) as Error).constructor, RangeError);
      }
    },
  });
}

Deno.test(
  "MmapRegion.named() and unlink() leave alone what a symbolic link leads to",
  namedFolder,
  () => {
    const name = nameOf(60, "l");
    const target = Deno.makeTempFileSync();
    Deno.writeTextFileSync(target, "precious");
    Deno.symlinkSync(target, `/dev/shm/${name}`);
    try {
      for (const options of [{}, { create: true, byteLength: 9 }, OPTIONS] as const) {
        const error = thrownBy(() => MmapRegion.named(name, options)) as Error;
        assertEquals(
          isSystemError(error) && ["ELOOP", "EEXIST"].includes(error.code),
          true,
          `${error}`,
        );
      }
      MmapRegion.unlink(name);
      assertEquals(Deno.readTextFileSync(target), "precious");
    } finally {
      Deno.removeSync(target);
      try {
        Deno.removeSync(`/dev/shm/${name}`);
      } catch {
        // As it should be.
      }
    }
  },
);
