/**
 * `deno task fuzz [--seconds N] [--operations N] [--seed N] [--length N] [--replay SEED:SEQUENCE]`
 *
 * Runs random sequences of operations on regions until the time or the number is reached, in
 * children that are watched. Prints how to run a failure again, and fails.
 */

import { parseArgs } from "node:util";
import { fuzz, type FuzzTask } from "./supervisor.ts";

const DEFAULT_SECONDS = 60;
const DEFAULT_LENGTH = 200;

/** Long enough where only operations are counted; a number that JSON can hold. */
const A_YEAR = 365 * 24 * 3600;

/** What the command line asks for. @throws {TypeError} If it is not understood. */
function parseTask(args: string[]): FuzzTask {
  const option = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    options: {
      seconds: option,
      operations: option,
      seed: option,
      length: option,
      replay: option,
    },
  });
  const length = wholeNumber(values.length) ?? DEFAULT_LENGTH;
  const operations = wholeNumber(values.operations);
  if (values.replay !== undefined) {
    const [seed, first] = values.replay.split(":").map(wholeNumber);
    if (seed === undefined || first === undefined) throw new TypeError("--replay SEED:SEQUENCE");
    const steps = operations ?? length;
    return { seed, first, length: steps, operations: steps, seconds: A_YEAR };
  }
  const limited = values.seconds === undefined && operations !== undefined;
  return {
    seed: wholeNumber(values.seed) ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
    first: 0,
    length,
    operations: operations ?? Number.MAX_SAFE_INTEGER,
    seconds: limited ? A_YEAR : wholeNumber(values.seconds) ?? DEFAULT_SECONDS,
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new TypeError(`Not a whole number: ${text}`);
}

const task = parseTask(Deno.args);
console.log(`seed ${task.seed}`);
const { sequences, operations, signals, failure } = await fuzz(task, (line) => console.log(line));
if (failure !== undefined) console.log(failure);
console.log(
  `${sequences} sequences passed, ${operations} operations, ${signals} signals: ` +
    (failure === undefined ? "ok" : "FAILED"),
);
Deno.exit(failure === undefined ? 0 : 1);
