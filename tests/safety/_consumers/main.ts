/**
 * The process that may die: tries one cell after the other and says which before it does. Arguments:
 * the name of a group, the number of the first cell, and a directory.
 */

import { join } from "@std/path";
import { GROUPS } from "./all.ts";
import { type Cell, filled, runCell, type Seen, TIMES, type Way, WAYS } from "./cell.ts";
import type { Consumer } from "./consumer.ts";
import { comparable, type References } from "./got.ts";
import { makeOthers } from "./others.ts";
import { runTerminated } from "./terminated.ts";

/** The cells of a group, in the order of their numbers. */
export function cellsOf(group: string): Cell[] {
  return GROUPS[group]!.flatMap((consumer) =>
    WAYS.filter((way) => consumer.transfers !== true || !RESIZES.includes(way))
      .flatMap((way) => TIMES.map((time) => ({ consumer, way, time })))
  );
}

const RESIZES: readonly Way[] = ["grow", "shrink"];

/** What a consumer gives for bytes that nobody takes away. */
async function referencesOf(consumer: Consumer, dir: string): Promise<References> {
  const { content = filled, byteLength, peer, fills } = consumer;
  if (peer !== undefined || fills !== undefined) return { own: "", zeros: "", nothing: "" };
  const said: string[] = [];
  for (const bytes of [content(byteLength), new Uint8Array(byteLength), new Uint8Array()]) {
    const own = join(dir, `${said.length}`);
    Deno.mkdirSync(own);
    const ready = await consumer.prepare({
      dir: own,
      place: "",
      byteLength,
      gone: Promise.resolve(),
    });
    said.push(await ready.use(bytes).then(comparable, (error) => `error ${error}`));
    await ready.end?.();
  }
  const [own, zeros, nothing] = said as [string, string, string];
  return { own, zeros, nothing };
}

/** One line that the parent reads. */
export interface Line {
  /** Of the cell; the one behind the last is the Worker. */
  readonly number: number;
  /** Both are undefined where it is about to begin. */
  readonly seen?: Seen;
  readonly problems?: readonly string[];
}

function say(line: Line): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

async function main(group: string, first: number, dir: string): Promise<void> {
  const others = makeOthers(dir);
  const known = new Map<Consumer, References>();
  const cells = cellsOf(group);
  for (let number = first; number <= cells.length; number++) {
    say({ number });
    const own = join(dir, `${number}`);
    Deno.mkdirSync(own);
    const cell = cells[number];
    if (cell === undefined) {
      say({ number, problems: await runTerminated(GROUPS[group]!, own, others) });
      break;
    }
    const references = known.get(cell.consumer) ?? await referencesOf(cell.consumer, own);
    known.set(cell.consumer, references);
    say({ number, seen: await runCell(cell, own, { others, references }) });
    Deno.removeSync(own, { recursive: true });
  }
  // The others end by themselves, at once; some clients of HTTP hold the event loop for half a minute.
  if (group === "http") Deno.exit();
}

if (import.meta.main) await main(Deno.args[0]!, Number(Deno.args[1]), Deno.args[2]!);
