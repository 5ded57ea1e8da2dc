/** `mmap top` */

import type { Command, Input } from "./command.ts";
import { formatJson, formatSize, formatTable, percent } from "./format.ts";
import type { Finding } from "./kinds/finding.ts";
import type { KindName } from "./kinds/kinds.ts";
import type { LockInspection } from "./kinds/inspection.ts";
import { nameOf, objectsOf, sceneNow } from "./objects.ts";
import { print } from "./output.ts";

const DEFAULT_SECONDS = 1;

/** Shows what is mapped now, again and again. */
export const top: Command = {
  name: "top",
  operands: "",
  summary: "shows what the processes of this user map and share now, and how busy it is",
  details:
    "IN and OUT are what came and went each second, from two looks. JSON is a line for each look.",
  options: {
    once: { help: "look once, without IN and OUT" },
    every: { value: "SECONDS", help: `how often to look (default ${DEFAULT_SECONDS})` },
  },
  run: runTop,
};

/** An object at one look. */
interface Row {
  readonly path: string;
  /** Null if it cannot be opened. */
  readonly kind: KindName | null;
  readonly byteLength: number | null;
  readonly full: number | null;
  /** How many threads wait; null if that cannot be seen. */
  readonly waiting: number | null;
  readonly holders: readonly number[];
  readonly pids: readonly number[];
  readonly problems: readonly string[];
  /** Since it was made. */
  readonly counts: Finding["counts"] | null;
  /** In each second since the last look. */
  readonly rates: { readonly in: number; readonly out: number | null } | null;
}

/** When the last look was, and what it found. */
interface LastLook {
  readonly atMs: number;
  readonly rows: ReadonlyMap<string, Row>;
}

async function runTop(input: Input): Promise<number> {
  const everyMs = 1000 * secondsOf(input);
  let last: LastLook | undefined;
  while (true) {
    const atMs = performance.now();
    const rows = await lookOnce(last, atMs);
    await print(input.json ? formatJson(rows) : screen(rows));
    if (input.values.once === true) return 0;
    last = { atMs, rows: new Map(rows.map((row) => [keyOf(row), row])) };
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function secondsOf({ values: { every }, usageError }: Input): number {
  if (typeof every !== "string") return DEFAULT_SECONDS;
  const seconds = /^\d+(\.\d+)?$/.test(every) ? Number(every) : 0;
  if (seconds >= 0.1 && seconds <= 86_400) return seconds;
  throw usageError(`--every must be a number from 0.1 to 86400, not '${every}'`);
}

function keyOf({ path, pids }: Row): string {
  return `${path} ${pids[0]}`;
}

async function lookOnce(last: LastLook | undefined, atMs: number): Promise<Row[]> {
  const scene = await sceneNow("list mapped memory");
  const objects = await objectsOf(scene, scene.observing.ownProcesses());
  const rows = objects.map(({ path, pids, found }): Row => {
    const { kind = null, byteLength = null, locks = [], problems = [] } = found?.inspection ?? {};
    const waits = locks.map(({ waiters }) => waiters?.length);
    const isSeen = found !== undefined && found.inspection.asleep !== null;
    return {
      path,
      kind,
      byteLength,
      full: found?.full ?? null,
      waiting: isSeen
        ? waits.reduce<number>((sum, count) => sum + (count ?? 0), found.asleep.length)
        : null,
      holders: holdersOf(locks),
      pids,
      problems,
      counts: found?.counts ?? null,
      rates: null,
    };
  });
  const rated = rows.map((row) => ({ ...row, rates: ratesOf(row, last, atMs) }));
  // What is of a kind comes first.
  const rank = ({ kind }: Row): number => kind === null ? 2 : kind === "region" ? 1 : 0;
  return rated.sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
}

function holdersOf(locks: readonly LockInspection[]): number[] {
  const pids = locks.map(({ holder }) => holder?.pid).filter((pid) => typeof pid === "number");
  return [...new Set(pids)];
}

function ratesOf(row: Row, last: LastLook | undefined, atMs: number): Row["rates"] {
  const before = last?.rows.get(keyOf(row))?.counts;
  const { counts } = row;
  if (last === undefined || !before || !counts || counts.in === undefined) return null;
  const perSecond = (now: number, then = 0): number => 1000 * (now - then) / (atMs - last.atMs);
  const out = counts.out === undefined ? null : perSecond(counts.out, before.out);
  return { in: perSecond(counts.in, before.in), out };
}

/** Clears a terminal; elsewhere, looks stand below each other. */
function screen(rows: readonly Row[]): string {
  const clear = Deno.stdout.isTerminal() ? "\x1b[H\x1b[2J" : "";
  return clear + (rows.length === 0 ? "nothing is mapped and shared\n" : tableOf(rows));
}

function tableOf(rows: readonly Row[]): string {
  return formatTable(
    [
      { title: "NAME" },
      { title: "KIND" },
      { title: "SIZE", right: true },
      { title: "FULL", right: true },
      { title: "IN/s", right: true },
      { title: "OUT/s", right: true },
      { title: "WAITING", right: true },
      { title: "HOLDER" },
      { title: "PROCESSES" },
    ],
    rows.map((
      { path, kind, byteLength, full, rates, waiting, holders, pids, counts, problems },
    ) => [
      nameOf(path),
      (kind ?? "?") + (problems.length > 0 ? " !" : ""),
      byteLength === null ? "?" : formatSize(byteLength),
      full === null ? "-" : percent(full),
      rateText(rates?.in, counts?.unit),
      rateText(rates?.out, counts?.unit),
      waiting === null ? "?" : String(waiting),
      holders.join(",") || "-",
      pids.join(","),
    ]),
  );
}

function rateText(rate: number | null | undefined, unit = "bytes"): string {
  if (typeof rate !== "number") return "-";
  return unit === "bytes" ? formatSize(Math.round(rate)) : String(Math.round(rate));
}
