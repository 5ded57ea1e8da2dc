/** What a run of peers_bench.ts found, as text. */

import { type Machine, sentence } from "./_peer_machine.ts";
import { isFaster, reasonOf } from "./_peer_reasons.ts";
import { type Figure, OURS, type Outcome } from "./_peer_work.ts";
import { duration } from "./_ratio.ts";

/** All that a run found. */
export interface Results {
  readonly machine: Machine;
  readonly rounds: number;
  readonly files: readonly Outcome[];
  readonly messages: readonly Outcome[];
  readonly maps: readonly Outcome[];
}

/** Prints one work as a table. */
export function printOutcome({ work, figures, absent }: Outcome): void {
  console.log(`\n${work}`);
  for (const figure of figures) {
    const { peer, nanoseconds } = figure;
    const why = isFaster(figure) ? `  faster: ${reasonOf(work, peer)}` : "";
    console.log(
      `  ${peer.padEnd(32)}${duration(nanoseconds).padStart(12)}${cell(figure).padStart(10)}${why}`,
    );
  }
  for (const { peer, reason } of absent) console.log(`  ${peer.padEnd(32)} - ${reason}`);
}

/** A peer's time in ours; bold where it is faster. */
function cell(figure: Figure): string {
  const { ratio } = figure;
  const text = ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(2);
  return isFaster(figure) ? `**${text}**` : text;
}

/** The tables, with what they hold for and why peers are faster. */
export function markdown(results: Results): string {
  const { machine, rounds, files, messages, maps } = results;
  return `# Measured against its peers

${
    sentence(machine)
  } Made by \`${machine.command}\`: medians of ${rounds} rounds, in which all sides take
turns. [peers.json](peers.json) has the figures, and [files.svg](files.svg) and
[messages.svg](messages.svg) draw them.

## Files

The time of each in that of ${OURS}: 2.0 takes twice as long. **Bold** is faster.

${table(files)}

## Messages between two processes

${messages.map(list).join("\n\n")}

## Maps that processes share

${maps.map(list).join("\n\n")}

## Where a peer is faster, and why

${[...files, ...messages, ...maps].flatMap(reasons).join("\n")}

## Who did not take part, and why

${absences([...files, ...messages, ...maps]).join("\n")}
`;
}

/** A row for each work, a column for each peer. */
export function table(outcomes: readonly Outcome[]): string {
  const peers = [...new Set(outcomes.flatMap(({ figures }) => figures.map(({ peer }) => peer)))];
  const others = peers.filter((peer) => peer !== OURS);
  const rows = outcomes.map(({ work, figures }) => [
    work,
    duration(figures[0]!.nanoseconds),
    ...others.map((peer) => {
      const figure = figures.find((figure) => figure.peer === peer);
      return figure === undefined ? "–" : cell(figure);
    }),
  ]);
  return grid([["work", OURS, ...others], ...rows]);
}

function list({ work, figures }: Outcome): string {
  const rows = figures.map((figure) => [
    figure.peer,
    duration(figure.nanoseconds),
    cell(figure),
  ]);
  return grid([[work, "time", "in ours"], ...rows]);
}

function grid([head, ...rows]: string[][]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head!), line(head!.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A line for each reason, with all whom it is true of. */
function reasons({ work, figures }: Outcome): string[] {
  const peers = new Map<string, string[]>();
  for (const figure of figures.filter(isFaster)) {
    const reason = reasonOf(work, figure.peer);
    peers.set(reason, [...peers.get(reason) ?? [], `${figure.peer} (${cell(figure)})`]);
  }
  return [...peers].map(([reason, names]) => `- **${work}**, ${names.join(", ")}: ${reason}.`);
}

function absences(outcomes: readonly Outcome[]): string[] {
  const works = new Map<string, string[]>();
  for (const { work, absent } of outcomes) {
    for (const { peer, reason } of absent) {
      const key = `${peer}: ${reason}`;
      works.set(key, [...works.get(key) ?? [], work]);
    }
  }
  return [...works].map(([key, names]) =>
    names.length === outcomes.length ? `- ${key}.` : `- ${key} (${names.join("; ")}).`
  );
}
