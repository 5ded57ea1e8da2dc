/** Searching at the edge of memory, and in files that get shorter. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { loadNeedle } from "../../src/mapping/search/needle.ts";
import { countIn, firstIn, lastIn } from "../../src/mapping/search/search.ts";
import type { Mapping } from "../../src/mapping/mapping.ts";
import { act } from "../_act.ts";
import { addressOf, truncate, truncateMeanwhile } from "../_fault_child.ts";
import { makeFile } from "../_files.ts";
import { PAGE } from "../_pages.ts";

await act({
  searchAtTheEdge(): void {
    const length = 200 * PAGE;
    const options = { sharing: "private", guard: false } as const;
    using all = MmapRegion.anonymous(length + 2 * PAGE, options);
    for (const byteOffset of [0, PAGE + length]) {
      all.protect("none", { byteOffset, byteLength: PAGE });
    }
    const bytes = all.view(Uint8Array, PAGE, length);
    const mapping = { address: addressOf(bytes) } as Mapping;
    const fills: Record<string, (i: number) => number> = {
      "one byte": () => 97,
      "two bytes": (i) => (i * 2654435761 >>> 13) & 1 ? 97 : 98,
      "words": (i) => 97 + i % 11,
      "all bytes": (i) => (i * 2654435761 >>> 11) & 255,
    };
    let searches = 0;
    for (const [name, fill] of Object.entries(fills)) {
      for (let i = 0; i < length; i++) bytes[i] = fill(i);
      for (const size of [1, 2, 3, 4, 5, 6, 7, 8, 33, 100, 5000]) {
        for (
          const span of [0, 1, 2, 3].flatMap((cut) => [
            { byteOffset: cut, byteLength: length - cut },
            { byteOffset: 0, byteLength: length - cut },
            { byteOffset: length - size - cut, byteLength: size + cut },
            { byteOffset: 0, byteLength: size + cut },
          ])
        ) {
          const end = span.byteOffset + span.byteLength;
          const there = bytes.slice(end - size, end);
          // The same bytes in another order, and with one that is rare.
          const turned = there.toReversed();
          const absent = there.with(size - 1, 10);
          for (const needle of [there, turned, absent]) {
            firstIn(mapping, span, loadNeedle(needle));
            const last = lastIn(mapping, span, loadNeedle(needle));
            // Short needles stand there so often that counting takes long.
            if (size > 8 || span.byteLength < 10) countIn(mapping, span, loadNeedle(needle));
            if (needle === there) assertEquals(last, span.byteLength - size, name);
            searches++;
          }
        }
      }
    }
    assertEquals(searches, 4 * 11 * 16 * 3);
  },

  searchCutOff(dir: string): void {
    const line = "a line of the log\n";
    const path = makeFile(dir, new TextEncoder().encode(line.repeat(20000)));
    using region = MmapRegion.open(path);
    const end = 10 * PAGE;
    truncate(path, end);
    const whole = Math.floor(end / line.length);
    assertEquals(region.count("line"), whole + (end % line.length > 6 ? 1 : 0));
    assertEquals(region.indexOf("absent"), -1);
    assertEquals(region.lastIndexOf("\n"), whole * line.length - 1);
    assertEquals([...region.lines()].length, whole + 1);
    assertEquals([...region.lines({ reverse: true })].length, whole + 1);
    assert(region.faults > 0);
    assertThrows(() => region.check(), MappingFaultError);
  },

  async searchWhileItIsCut(dir: string): Promise<void> {
    const path = makeFile(dir, new Uint8Array(1 << 25).fill(97));
    using region = MmapRegion.open(path);
    const needle = "b".repeat(20);
    let ended = false;
    truncateMeanwhile(path, 5000).then(() => ended = true);
    let searches = 0;
    do {
      assertEquals(region.indexOf(needle), -1);
      assertEquals(region.lastIndexOf(needle), -1);
      assertEquals(region.count(needle), 0);
      searches++;
      await new Promise((resolve) => setTimeout(resolve)); // lets the end be noticed
    } while (!ended);
    assertEquals(region.indexOf(needle), -1);
    assert(region.faults > 0 && searches > 0);
    assertThrows(() => region.check(), MappingFaultError);
  },
});
