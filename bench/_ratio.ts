/** Comparisons within one run: two sides take turns, and the medians are set against each other. */

/** One of two things that are compared. */
export interface Side {
  readonly name: string;
  /** Does the work once. @returns the nanoseconds that one unit of it took */
  readonly measure: () => number | Promise<number>;
}

/** The medians of two sides, in nanoseconds. */
export interface Medians {
  readonly ours: number;
  readonly theirs: number;
}

/** What a comparison has to reach. */
export interface Target {
  /** The figure, from the medians. */
  readonly figure: (medians: Medians) => number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Lets both sides work in turns, `rounds` times after one round that does not count. */
export async function alternate(ours: Side, theirs: Side, rounds: number): Promise<Medians> {
  const [ourMedian, theirMedian] = await takeTurns([ours, theirs], rounds);
  return { ours: ourMedian!, theirs: theirMedian! };
}

/**
 * As {@linkcode alternate}, for any number of sides. Each round begins with another one, so that what
 * one leaves behind (dirty pages, a busy disk) does not always meet the same neighbour.
 *
 * @returns their medians
 */
export async function takeTurns(sides: readonly Side[], rounds: number): Promise<number[]> {
  const times = sides.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const i = (round + turn) % sides.length;
      const taken = await sides[i]!.measure();
      if (round > 0) times[i]!.push(taken);
    }
  }
  return times.map(median);
}

/** The middle one of the values in order. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The nanoseconds that one call takes, of `times` calls. */
export function timePerCall(work: () => void, times: number): number {
  const start = performance.now();
  for (let i = 0; i < times; i++) work();
  return (performance.now() - start) * 1e6 / times;
}

/** The nanoseconds that one of `times` turns with another process takes, once that one is there. */
export function perTurn(
  name: string,
  times: number,
  turns: (times: number) => unknown,
): Side {
  return {
    name,
    measure: async () => {
      await turns(1);
      const start = performance.now();
      await turns(times);
      return (performance.now() - start) * 1e6 / times;
    },
  };
}

/** Measures, and prints both medians, the figure and its target as a row of a Markdown table. */
export async function printComparison(
  topic: string,
  sides: { ours: Side; theirs: Side; rounds: number },
  target: Target,
  written: (value: number) => string = duration,
): Promise<void> {
  const { ours, theirs, rounds } = sides;
  const medians = await alternate(ours, theirs, rounds);
  const figure = target.figure(medians);
  const { atLeast = -Infinity, atMost = Infinity, unit } = target;
  const reached = figure >= atLeast && figure <= atMost;
  console.log(
    `| ${topic} | ${ours.name}: ${written(medians.ours)} | ` +
      `${theirs.name}: ${written(medians.theirs)} | ${format(figure)}${unit} | ` +
      `${limits(target)}${reached ? "" : ": missed"} |`,
  );
}

/** The head of the table that {@linkcode printComparison} prints rows of. */
export function printHead(): void {
  console.log("| what | here | compared with | figure | target |\n| --- | --- | --- | --- | --- |");
}

function limits({ atLeast, atMost, unit }: Target): string {
  if (atLeast !== undefined) return `at least ${atLeast}${unit}`;
  return atMost === undefined ? "none" : `at most ${atMost}${unit}`;
}

/** Bytes, for comparisons of sizes. */
export function bytes(value: number): string {
  return `${format(value)} bytes`;
}

/** A time, in the unit that fits. */
export function duration(nanoseconds: number): string {
  if (nanoseconds >= 1e6) return `${format(nanoseconds / 1e6)} ms`;
  return nanoseconds >= 1e3 ? `${format(nanoseconds / 1e3)} µs` : `${format(nanoseconds)} ns`;
}

function format(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 2);
}
