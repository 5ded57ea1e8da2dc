/** The process that stays: starts children, watches them, and finds the shortest way to a failure. */

import { type ChildEnd, runChild } from "./run_child.ts";

/** What to run. */
export interface FuzzTask {
  readonly seed: number;
  /** The first sequence. */
  readonly first: number;
  /** Operations of each sequence. */
  readonly length: number;
  /** Ends once so many operations have run. */
  readonly operations: number;
  /** Ends after that time. */
  readonly seconds: number;
}

/** What a run came to. */
export interface FuzzReport {
  readonly sequences: number;
  readonly operations: number;
  /** How many children ended by a signal. */
  readonly signals: number;
  /** What went wrong; undefined if nothing did. */
  readonly failure: string | undefined;
}

/** A child starts anew now and then: buffers that were transferred away keep their addresses. */
const SEQUENCES_PER_CHILD = 200;

/** Of a sequence that fails again; of one that does not, every line may matter. */
const LINES_SHOWN = 60;

/** Runs sequences until something fails or the task is done. */
export async function fuzz(
  task: FuzzTask,
  say: (line: string) => void = () => {},
): Promise<FuzzReport> {
  const end = performance.now() + task.seconds * 1000;
  let [sequences, operations] = [0, 0];
  while (operations < task.operations && performance.now() < end) {
    const left = Math.ceil((task.operations - operations) / task.length);
    const ended = await runChild({
      seed: task.seed,
      first: task.first + sequences,
      count: Math.min(SEQUENCES_PER_CHILD, left),
      length: task.length,
      seconds: Math.max(1, (end - performance.now()) / 1000),
    });
    sequences += ended.sequences;
    operations += ended.operations;
    say(`${sequences} sequences, ${operations} operations`);
    if (ended.reason === undefined) continue;
    const failure = await describeFailure(task, ended, say);
    return { sequences, operations, signals: ended.signal === null ? 0 : 1, failure };
  }
  return { sequences, operations, signals: 0, failure: undefined };
}

/** Tells of a failure, after looking for the shortest beginning of the sequence that fails too. */
async function describeFailure(
  { seed }: FuzzTask,
  ended: ChildEnd,
  say: (line: string) => void,
): Promise<string> {
  const { sequence } = ended;
  say(`failed: ${ended.reason}; looking for the shortest sequence`);
  let shortest: ChildEnd | undefined;
  // Whether it fails need not be monotonic in the length, but mostly is.
  let [passes, fails] = [0, ended.step + 1];
  while (passes < fails) {
    const length = shortest === undefined ? fails : Math.floor((passes + fails) / 2);
    const again = await runChild({ seed, first: sequence, count: 1, length, seconds: 60 });
    if (again.reason !== undefined) [shortest, fails] = [again, length];
    else if (shortest === undefined) break;
    else passes = length + 1;
  }
  const told = shortest ?? ended;
  return [
    ...(shortest === undefined ? told.lines : told.lines.slice(-LINES_SHOWN)),
    `${told.reason}`,
    shortest === undefined ? "It did not fail again." : `It fails with ${fails} operations.`,
    `Replay: deno task fuzz --replay ${seed}:${sequence} --operations ${fails}`,
  ].join("\n");
}
