/** Searching, comparing, and reading as text or as a stream. */

import { arg, bag } from "../hostile.ts";
import type { MappingModel } from "../mapping_model.ts";
import { PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { pagesOf } from "../regions.ts";
import { attempt, attemptAsync, mustSucceed, mustThrow } from "../verdict.ts";
import { expect } from "../mismatch.ts";
import type { Live, World } from "../world.ts";

/** What a region holds from its beginning to its end; undefined if not all of that is known. */
function contentOf(live: Live): Uint8Array | undefined {
  const content = new Uint8Array(live.byteLength);
  const [, last] = pagesOf(live, 0, live.byteLength);
  for (let page = 0; page < last; page++) {
    const expected = live.main.touchable(page, false) ? live.main.expected(page) : undefined;
    const start = page * PAGE - live.lead;
    const wanted = Math.min(PAGE, live.byteLength - start);
    if (expected === undefined || expected.bytes.length < wanted) return undefined;
    if (expected.unknown?.includes(1)) return undefined;
    const skipped = Math.max(0, -start);
    content.set(expected.bytes.subarray(skipped, wanted), start + skipped);
  }
  return content;
}

/**
 * Runs `body` with a region that can be read without the views of its buffer, and its content as far
 * as that is known. Where it is not, some pages are touched, and nobody knows which.
 */
async function onContent(
  world: World,
  body: (live: Live, content: Uint8Array | undefined) => void | Promise<void>,
): Promise<void> {
  const live = world.pickRegion();
  if (live === undefined) return;
  const content = live.closed ? undefined : contentOf(live);
  const { main } = live;
  if (!live.closed && !allTouchable(live, main)) {
    if (!main.spec.guarded) return;
    main.beUncertain();
  }
  world.note(`region ${live.id}`);
  await body(live, content);
  // Hostile getters may have shortened the object just before it was read.
  if (!world.tame && !live.closed && !allTouchable(live, main)) main.beUncertain();
}

function allTouchable(live: Live, main: MappingModel): boolean {
  const [, last] = pagesOf(live, 0, live.byteLength);
  return Array.from({ length: last }, (_, page) => page).every((page) =>
    main.touchable(page, false)
  );
}

/** Whether an operation that needs the buffer itself has to fail. */
function withoutBuffer({ stolen }: Live): boolean {
  return stolen !== undefined;
}

function pickNeedle(world: World, content: Uint8Array | undefined): Uint8Array {
  const { random } = world;
  if (content === undefined || random.once(4)) return random.bytes(random.int(0, 5));
  const at = random.int(0, content.length - 1);
  return content.slice(at, at + random.size(100));
}

const search: Operation = {
  name: "indexOf, lastIndexOf",
  covers: ["indexOf", "lastIndexOf"],
  weight: 3,
  run(world): Promise<void> {
    return onContent(world, (live, content) => {
      const { region } = live;
      const bytes = pickNeedle(world, content);
      const needle = bytes.length === 1 && world.random.once(2) ? bytes[0]! : bytes;
      const most = live.byteLength + 3;
      const from = world.random.once(2) ? undefined : world.random.int(-most, most);
      const first = attempt(() => region.indexOf(arg(world, needle), arg(world, from)));
      const last = attempt(() => region.lastIndexOf(arg(world, needle), arg(world, from)));
      attempt(() => region.indexOf(arg(world, "text")));
      if (!world.tame) return;
      if (live.closed) return mustThrow(first, Deno.errors.BadResource, "indexOf()");
      const at = mustSucceed(first, "indexOf()");
      const noBuffer = withoutBuffer(live) && !last.ok;
      const lastAt = noBuffer ? undefined : mustSucceed(last, "lastIndexOf()");
      if (content === undefined) return;
      const held = new Haystack(content);
      expect(at === held.first(bytes, from), `indexOf() is ${at}, not ${held.first(bytes, from)}`);
      const known = held.last(bytes, from);
      expect(lastAt === undefined || lastAt === known, `lastIndexOf() is ${lastAt}, not ${known}`);
    });
  },
};

const count: Operation = {
  name: "count",
  covers: ["count"],
  weight: 1,
  run(world): Promise<void> {
    return onContent(world, (live, content) => {
      const needle = pickNeedle(world, content);
      const outcome = attempt(() => live.region.count(arg(world, needle), bag(world, {})));
      if (!world.tame) return;
      if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "count()");
      const found = mustSucceed(outcome, "count()");
      if (content === undefined) return;
      const known = new Haystack(content).count(needle);
      expect(found === known, `count() is ${found}, not ${known}`);
    });
  },
};

/** Finds bytes as text is found: one character stands for each byte. */
class Haystack {
  readonly #text: string;

  constructor(content: Uint8Array) {
    this.#text = asCharacters(content);
  }

  first(needle: Uint8Array, from = 0): number {
    const start = from < 0 ? Math.max(0, this.#text.length + from) : from;
    return this.#text.indexOf(asCharacters(needle), start);
  }

  last(needle: Uint8Array, from = Infinity): number {
    const start = from < 0 ? this.#text.length + from : from;
    return start < 0 ? -1 : this.#text.lastIndexOf(asCharacters(needle), start);
  }

  count(needle: Uint8Array): number {
    if (needle.length === 0) return this.#text.length + 1;
    return this.#text.split(asCharacters(needle)).length - 1;
  }
}

function asCharacters(bytes: Uint8Array): string {
  return new TextDecoder("x-user-defined").decode(bytes);
}

const equals: Operation = {
  name: "equals",
  covers: ["equals"],
  weight: 2,
  run(world): Promise<void> {
    return onContent(world, (live, content) => {
      const at = world.random.int(0, live.byteLength);
      const other = content?.slice(at, at + world.random.size(9000)) ?? world.random.bytes(9);
      const changed = world.random.once(2) && other.length > 0;
      if (changed) other[world.random.int(0, other.length - 1)]! ^= 1;
      const outcome = attempt(() => live.region.equals(arg(world, other), arg(world, at)));
      if (!world.tame) return;
      if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "equals()");
      const same = mustSucceed(outcome, "equals()");
      expect(content === undefined || same === !changed, `equals() says ${same}`);
    });
  },
};

const compare: Operation = {
  name: "compare",
  covers: ["compare"],
  weight: 1,
  run(world): Promise<void> {
    return onContent(world, (live, content) => {
      const at = world.random.int(0, live.byteLength);
      const other = world.random.bytes(world.random.int(0, 9));
      if (content !== undefined && other.length > 0) {
        other.set(content.subarray(at, at + other.length - 1)); // as far as its last byte
      }
      const outcome = attempt(() => live.region.compare(arg(world, other), arg(world, at)));
      if (!world.tame) return;
      if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "compare()");
      const order = mustSucceed(outcome, "compare()");
      if (content === undefined) return;
      const [ours, theirs] = [content.subarray(at, at + other.length), other].map(asCharacters);
      const known = ours! < theirs! ? -1 : ours! > theirs! ? 1 : 0;
      expect(order === known, `compare() is ${order}, not ${known}`);
    });
  },
};

const split: Operation = {
  name: "split",
  covers: ["split"],
  weight: 1,
  run(world): Promise<void> {
    return onContent(world, (live, content) => {
      const parts = world.random.int(1, 9);
      const boundary = pickNeedle(world, content);
      const outcome = attempt(() => live.region.split(arg(world, parts), arg(world, boundary)));
      if (!world.tame) return;
      if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "split()");
      const ranges = mustSucceed(outcome, "split()");
      let end = 0;
      for (const { byteOffset, byteLength } of ranges) {
        expect(byteOffset === end && byteLength > 0, `split() leaves a gap at ${end}`);
        end += byteLength;
        if (end === live.byteLength || content === undefined) continue;
        const last = content.subarray(end - boundary.length, end);
        expect(asCharacters(last) === asCharacters(boundary), `split() cuts at ${end}`);
      }
      expect(end === live.byteLength && ranges.length <= parts, `split() ends at ${end}`);
    });
  },
};

const lines: Operation = {
  name: "lines",
  covers: ["lines"],
  weight: 1,
  run(world): Promise<void> {
    return onContent(world, (live, content) => {
      const outcome = attempt(() => [...live.region.lines(bag(world, { byteOffset: 0 }))]);
      if (!world.tame || withoutBuffer(live)) return;
      if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "lines()");
      const found = mustSucceed(outcome, "lines()");
      if (content === undefined) return;
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(content);
      const known = text.replace(/\n$/, "").split("\n").map((line) => line.replace(/\r$/, ""));
      const last = known.length - 1;
      if (!text.endsWith("\n")) known[last] = text.split("\n").at(-1)!; // keeps its \r
      expect(`${found}` === `${known}`, `lines() finds ${found.length}, not ${known.length}`);
      const backwards = [...live.region.lines({ reverse: true })].reverse();
      expect(`${backwards}` === `${known}`, `lines() finds ${backwards.length} backwards`);
      const bytes = [...live.region.lines({ as: "bytes" })];
      expect(bytes.length === known.length, `lines() finds ${bytes.length} as bytes`);
    });
  },
};

/** Reading a part of the lines while things happen to the region. */
const interruptedLines: Operation = {
  name: "lines, and an end in the middle",
  covers: ["lines"],
  weight: 0.5,
  run(world): Promise<void> {
    return onContent(world, (live) => {
      if (live.closed || live.pending > 0) return;
      const started = attempt(() => live.region.lines()[Symbol.iterator]());
      if (!started.ok) return;
      world.wild = true;
      attempt(() => started.value.next());
      attempt(() =>
        live.region.view(Uint8Array, bag(world, { byteOffset: 0 }) as unknown as number)
      );
      attempt(() => started.value.next());
    });
  },
};

const readable: Operation = {
  name: "readable",
  covers: ["readable"],
  weight: 1,
  run(world): Promise<void> {
    return onContent(world, async (live, content) => {
      const options = { chunkByteLength: world.random.int(500, 9000) };
      const read = async (): Promise<Uint8Array> => {
        const stream = live.region.readable(bag(world, options));
        return new Uint8Array(await new Response(stream).arrayBuffer());
      };
      const outcome = await attemptAsync(read);
      if (!world.tame || withoutBuffer(live)) return;
      if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "readable()");
      const bytes = mustSucceed(outcome, "readable()");
      expect(bytes.length === live.byteLength, "readable() has another length");
      if (content === undefined) return;
      expect(asCharacters(bytes) === asCharacters(content), "readable() gives other bytes");
    });
  },
};

export const TEXT: readonly Operation[] = [
  search,
  count,
  equals,
  compare,
  split,
  lines,
  interruptedLines,
  readable,
];
