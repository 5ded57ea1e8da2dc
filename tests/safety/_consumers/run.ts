/** Runs the cells of a group in processes that may die, and says what was seen of each. */

import { fromFileUrl } from "@std/path";
import { splitLines } from "../../_child.ts";
import type { Seen } from "./cell.ts";
import type { Line } from "./main.ts";

/** What became of the cells: by their numbers; of the Worker, behind the last. */
export interface Report {
  readonly seen: Map<number, Seen>;
  /** How a process ended in the middle of a cell. */
  readonly ends: Map<number, string>;
  /** What the Worker's end did to others. */
  readonly problems: string[];
}

/** Runs all cells of a group: where one ends its process, those behind it get another process. */
export async function runGroup(group: string, count: number, dir: string): Promise<Report> {
  const report: Report = { seen: new Map(), ends: new Map(), problems: [] };
  for (let first = 0; first <= count;) first = await runFrom(group, first, dir, report);
  return report;
}

const ROOT = fromFileUrl(new URL("../../../", import.meta.url));

/** How long a cell may take; it takes far less than a second. */
const SILENCE_MS = 30_000 * Number(Deno.env.get("MMAP_TEST_PATIENCE") ?? 1);

/** @returns the number of the next cell to be run */
async function runFrom(
  group: string,
  first: number,
  parent: string,
  report: Report,
): Promise<number> {
  const dir = Deno.makeTempDirSync({ dir: parent });
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", ...FLAGS, PROGRAM, group, `${first}`, dir],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(process.stderr).text();
  let hung = false;
  const giveUp = (): void => {
    hung = true;
    process.kill("SIGKILL");
  };
  let timer = setTimeout(giveUp, SILENCE_MS);
  let last = first;
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines());
  for await (const text of lines) {
    clearTimeout(timer);
    timer = setTimeout(giveUp, SILENCE_MS);
    const { number, seen, problems }: Line = JSON.parse(text);
    last = number;
    if (seen !== undefined) report.seen.set(number, seen);
    report.problems.push(...problems ?? []);
  }
  const { success, code, signal } = await process.status;
  clearTimeout(timer);
  const how = hung ? "it hung" : signal ?? `exit code ${code}`;
  if (!success) report.ends.set(last, `${how}: ${(await errors).trim()}`);
  else await errors;
  return success ? Infinity : last + 1;
}

const FLAGS = ["--quiet", "--no-prompt", "-A", "--unstable-net", "--v8-flags=--expose-gc"];
const PROGRAM = fromFileUrl(new URL("./main.ts", import.meta.url));
