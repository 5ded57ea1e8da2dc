/**
 * The process that may die: runs one sequence after the other and says what it does before it does
 * it. Arguments, as JSON: a {@linkcode ChildTask}.
 */

import { uncoveredMembers } from "./operations/all.ts";
import { Peers } from "./peers.ts";
import { runSequence } from "./sequence.ts";
import { WorkerPool } from "./workers.ts";

/** What a child is to run. */
export interface ChildTask {
  readonly seed: number;
  /** The number of the first sequence. */
  readonly first: number;
  /** How many sequences. */
  readonly count: number;
  /** Operations of each. */
  readonly length: number;
  /** No new sequence begins after that time. */
  readonly seconds: number;
  /** Directories that are this child's own: on the disk, in memory. */
  readonly directories: readonly [string, string];
  readonly privateMemory: boolean;
}

const encoder = new TextEncoder();

/** Synchronously: the next thing may end the process. */
function say(line: string): void {
  const bytes = encoder.encode(`${line.replaceAll("\n", " ")}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

async function main(task: ChildTask): Promise<void> {
  const uncovered = uncoveredMembers();
  if (uncovered.length > 0) throw new Error(`No operation covers: ${uncovered.join(", ")}`);
  const { seed, first, count, length, seconds, directories, privateMemory } = task;
  const helpers = { workers: new WorkerPool(), peers: new Peers(), privateMemory };
  Deno.mkdirSync(directories[1], { recursive: true });
  Deno.chdir(directories[0]); // so that what a random relative path makes goes with it
  const end = performance.now() + seconds * 1000;
  for (let sequence = first; sequence < first + count && performance.now() < end; sequence++) {
    say(`sequence ${sequence}`);
    await runSequence({ seed, sequence, length }, helpers, directories, (line) => say(`  ${line}`));
    say(`passed ${sequence}`);
  }
  helpers.workers.close();
  await helpers.peers.close();
}

await main(JSON.parse(Deno.args[0]!));
