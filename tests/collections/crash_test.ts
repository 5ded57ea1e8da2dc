/** Writers that are killed in the middle of their work, hundreds of them, and what they leave. */

import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { repetitions } from "../_capabilities.ts";
import { KILLED } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import {
  ALL,
  ARRAY,
  BELL_OFFSET,
  changeOf,
  type Collections,
  elementOf,
  KEYS,
  LOG,
  MAP,
  openAll,
  recordOf,
  TARGET,
  WORK,
} from "./_life.ts";
import { random } from "./_random.ts";

const LIFE = fromFileUrl(new URL("./_life_main.ts", import.meta.url));

const KILLS = repetitions(500);
/** Of each kind of work, a quarter of them, beside each other. */
const WORKS = [LOG, MAP, ARRAY, ALL];

/** What must be there after the operations that returned; one more may be. */
class Expected {
  readonly #map = new Map<string, Uint8Array>();
  #changes = 0;
  #position = 0;
  #records = 0;

  /** Checks the log from where the last check ended. @returns how many records there are */
  checkLog({ log }: Collections, acknowledged: number): number {
    for (const { record } of log.entries({ from: this.#position })) {
      assertEquals(record, recordOf(++this.#records), `record ${this.#records}`);
    }
    this.#position = log.byteLength;
    assertCount(this.#records, acknowledged, "records");
    return this.#records;
  }

  /** @returns how many changes it has seen */
  checkMap({ map }: Collections, acknowledged: number): number {
    while (this.#changes < acknowledged) this.#change();
    // The one that was under way is there or not.
    const { key, value } = changeOf(this.#changes + 1);
    const found = map.get(key);
    if (sameBytes(found, value) && !sameBytes(found, this.#map.get(key))) this.#change();
    assertEquals(new Map(map.entries() as Iterable<[string, Uint8Array]>), this.#map);
    assertEquals(map.size, this.#map.size);
    for (let i = 0; i < KEYS; i++) assertEquals(map.get(`key ${i}`), this.#map.get(`key ${i}`));
    return this.#changes;
  }

  #change(): void {
    const { key, value } = changeOf(++this.#changes);
    if (value === undefined) this.#map.delete(key);
    else this.#map.set(key, value);
  }

  /** @returns how many elements there are */
  checkArray({ array }: Collections, acknowledged: number): number {
    const { length } = array;
    assertCount(length, acknowledged, "elements");
    for (let i = Math.max(0, length - 2000); i < length; i++) {
      assertEquals(array.at(i), elementOf(i + 1));
    }
    return length;
  }
}

function assertCount(found: number, acknowledged: number, what: string): void {
  const right = found === acknowledged || found === acknowledged + 1;
  assert(right, `${found} ${what}, of which ${acknowledged} are known to be there`);
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Lets a writer live for some steps, and kills it. */
async function liveAndDie(dir: string, region: MmapRegion, steps: number): Promise<void> {
  const bell = new Futex(region, BELL_OFFSET);
  bell.store(0);
  region.view(Int32Array)[TARGET] = steps;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", LIFE, dir],
    env: region.env(),
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const ended = new AbortController();
  const end = child.status.finally(() => ended.abort());
  await bell.wait(0, { signal: ended.signal }).catch(() => {});
  // Whoever was woken runs before who woke it: let it come to any instruction of any later step.
  await new Promise((resolve) => setTimeout(resolve, steps % 4));
  if (!ended.signal.aborted) child.kill("SIGKILL");
  const { code, signal } = await end;
  assertEquals({ code, signal }, KILLED);
}

/** One after the other, with the same files. */
async function killMany(work: number, kills: number): Promise<void> {
  await withTempDir(async (dir) => {
    using region = MmapRegion.anonymous(4096);
    const words = region.view(Int32Array);
    words[WORK] = work;
    const next = random(work);
    const expected = new Expected();
    for (let i = 0; i < kills; i++) {
      await liveAndDie(dir, region, 1 + next() % 100);
      using all = openAll(dir);
      words[LOG] = expected.checkLog(all, words[LOG]!);
      words[MAP] = expected.checkMap(all, words[MAP]!);
      words[ARRAY] = expected.checkArray(all, words[ARRAY]!);
    }
  });
}

Deno.test(`what returned is there and nothing is torn after ${KILLS} kills`, async () => {
  await Promise.all(WORKS.map((work) => killMany(work, KILLS / WORKS.length)));
});
