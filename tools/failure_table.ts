/**
 * Prints which tests failed, as a table in Markdown, from what `deno test` has printed without colours:
 * `deno run --allow-read=. tools/failure_table.ts test.log`.
 */

/** A test that failed. */
export interface Failure {
  readonly test: string;
  /** Its file and line; "" for a file that failed as a whole. */
  readonly place: string;
  /** The first line of its error. */
  readonly error: string;
}

/** The failures in the sections "ERRORS": several runs may have printed to one log. */
export function failuresIn(log: string): Failure[] {
  const sections = log.split(/^ ERRORS /m).slice(1);
  return sections.flatMap((section) => failuresOf(section.split(/^ FAILURES /m)[0]!));
}

function failuresOf(section: string): Failure[] {
  // "the name => ./tests/file.ts:1:2", or "./tests/file.ts (uncaught error)"; then "error: …"
  const entry = /^(\S.*?)(?: => (\S+:\d+:\d+))?\nerror: (.*)$/gm;
  return Array.from(
    section.matchAll(entry),
    ([, test, place = "", error]) => ({ test: test!, place, error: error! }),
  );
}

/** How the last run ended, such as "FAILED | 3 passed | 1 failed (12s)", or all: "FAILED: 3 passed". */
export function summaryIn(log: string): string {
  const all = log.match(/^(?:ok|FAILED)(?: \||:) .*$/gm);
  return all?.at(-1) ?? "the tests did not run to their end";
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** All of it for a reader. */
export function report(log: string): string {
  const failures = failuresIn(log);
  const head = `**${summaryIn(log)}**`;
  if (failures.length === 0) return head;
  const rows = failures.map(({ test, place, error }) => row(test, place, error));
  return [head, "", row("test", "where", "error"), row("---", "---", "---"), ...rows].join("\n");
}

if (import.meta.main) console.log(report(Deno.readTextFileSync(Deno.args[0]!)));
