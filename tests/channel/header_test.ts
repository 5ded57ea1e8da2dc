/** Headers that others make at the same moment. */

import { findHeader, type Geometry, makeHeader } from "../../src/channel/header.ts";
import { CHANNEL } from "../../src/channel/kinds.ts";
import { FIRST_ZERO } from "../../src/channel/layout.ts";
import { LossWatch } from "../../src/mapping/loss.ts";
import type { Words } from "../../src/wait/words.ts";
import { BufferWords } from "../../src/wait/buffer_words.ts";
import { assertEquals } from "@std/assert";

const GEOMETRY: Geometry = { capacity: 4096, flags: 0, layout: 0n };

/** Lets another one go on in the middle of a look. */
class Interleaved extends LossWatch {
  readonly #others: (() => void)[];

  constructor(...others: (() => void)[]) {
    super();
    this.#others = others;
  }

  override check(): void {
    this.#others.shift()?.();
  }
}

Deno.test("findHeader() finds what was made and used since it looked for the first time", () => {
  const plain = new BufferWords(new SharedArrayBuffer(8192), 0, 8192);
  const words: Words = Object.create(plain, {
    cells: { value: plain.cells },
    lossWatch: {
      value: new Interleaved(() => {
        makeHeader(plain, CHANNEL, GEOMETRY);
        plain.cells[FIRST_ZERO] = 1;
      }),
    },
  });
  assertEquals(findHeader(words, CHANNEL), GEOMETRY);
});
