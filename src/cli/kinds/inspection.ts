/** What a region is, who uses it, and what is wrong there. */

import type { MmapRegion } from "../../region/mmap_region.ts";
import type { LockHolder } from "../../wait/holder.ts";
import { formatTable } from "../format.ts";
import type { Finding } from "./finding.ts";
import { type KindName, kindOfRegion } from "./kinds.ts";
import { READERS } from "./readers.ts";
import { type LockKind, type LockPlace, Look } from "./look.ts";
import { lookAround, type MappingProcess, Peers, type Scene } from "./peers.ts";

/** A lock, or one reader of a lock for many readers, at the moment of looking. */
export interface LockInspection {
  /** What it is for, where that is known. */
  readonly name?: string;
  /** Where it lies in the region. */
  readonly byteOffset: number;
  /** What it is: a "turn" is that of one of several ends of a channel, shards of a cache, and so on. */
  readonly kind: LockKind;
  /** Who holds it; null if it is free. */
  readonly holder: LockHolder | null;
  /** The processes of the threads that sleep until it is free; null if that cannot be seen. */
  readonly waiters: readonly number[] | null;
}

/** The result of {@linkcode inspect}, at about the moment of looking. The kind has further fields. */
export interface Inspection {
  /** What it is, by its first bytes; "region" if they are nothing known. */
  readonly kind: KindName;
  /** The version of its layout; null for a bare region, and where it is damaged. */
  readonly version: number | null;
  /** The length of the region. */
  readonly byteLength: number;
  /** The processes that map it, as far as they can be seen; null where the system does not show them. */
  readonly mappedBy: readonly MappingProcess[] | null;
  /** Its locks: all where the kind tells them, else those that are held. */
  readonly locks: readonly LockInspection[];
  /** What is wrong: dead holders, damage. */
  readonly problems: readonly string[];
  /** What the kind tells beside that: see `docs/inspect.md`. */
  readonly [field: string]: unknown;
}

/** An inspection, and what only the command line needs. */
export interface Inspected {
  readonly inspection: Inspection;
  /** Lines for people, by their titles. */
  readonly lines: Readonly<Record<string, string>>;
  /** What does not fit into lines. */
  readonly tables: readonly string[];
  readonly full?: number;
  readonly counts?: Finding["counts"];
  /** Threads that sleep on other words than those of locks, and what for. */
  readonly asleep: readonly { pid: number; tid: number; byteOffset: number; what: string }[];
}

/** How to look. */
interface InspectHow {
  readonly scene: Scene | undefined;
  /** A process that is not counted, since it only looks. */
  readonly leftOut?: number;
}

/**
 * Tells what a region is, how full, who uses it, and who holds and awaits its locks. It only reads:
 * it takes no lock and changes nothing, and whatever lies in the region, it neither fails nor waits.
 *
 * The first bytes say what it is: see {@linkcode Inspection.kind}. Locks that lie in a bare region
 * are found while somebody holds them. Processes are seen on Linux and Windows, where the system shows
 * them to this user.
 *
 * @throws {Deno.errors.BadResource} If the region is closed.
 *
 * @example
 * ```ts
 * import { Channel } from "@mmap/mmap/channel";
 * import { inspect } from "@mmap/mmap/cli";
 * import { assertEquals } from "@std/assert";
 *
 * using channel = Channel.create({ capacity: 4096 });
 * await channel.send(new Uint8Array(100));
 * const { kind, messages, problems } = await inspect(channel.region);
 * assertEquals([kind, messages, problems], ["channel", 1, []]);
 * ```
 */
export async function inspect(region: MmapRegion): Promise<Inspection> {
  const { inspection } = await inspectAll(region, { scene: await lookAround() });
  return inspection;
}

/** As {@linkcode inspect}, with more. */
export async function inspectAll(
  region: MmapRegion,
  { scene, leftOut }: InspectHow,
): Promise<Inspected> {
  const peers = new Peers(region, scene, leftOut);
  const look = new Look(region, peers);
  const kind = kindOfRegion(region) ?? "region";
  const finding = tryRead(look, await READERS[kind]());
  const { version = null, fields = {}, lines = {}, locks = [], bells = [], table = "", ...rest } =
    finding ??
      {};
  const seen = locks.map((place) => lockOf(place, peers));
  const lockWords = new Set(locks.flatMap(({ sleepsAt }) => sleepsAt));
  const asleep = (peers.sleepers ?? [])
    .filter(({ byteOffset }) => !lockWords.has(byteOffset))
    .map((sleeper) => ({
      ...sleeper,
      what: bells.find(({ byteOffset }) => byteOffset === sleeper.byteOffset)?.what ??
        `a change at byte ${sleeper.byteOffset}`,
    }));
  return {
    inspection: {
      kind,
      version,
      byteLength: region.byteLength,
      mappedBy: mappedBy(peers, seen),
      locks: seen,
      problems: [...new Set(look.problems)],
      asleep: peers.sleepers === undefined ? null : asleep,
      ...fields,
    },
    lines: { ...lines, ...linesOf(peers, asleep) },
    ...rest,
    tables: [table, lockTable(seen, peers)].filter((each) => each !== ""),
    asleep,
  };
}

/** Undefined if it is damaged or of another version, which is a problem then. */
function tryRead(look: Look, read: (look: Look) => Finding): Finding | undefined {
  try {
    return read(look);
  } catch (error) {
    // Only what this module found wrong: anything else is a mistake of this module.
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    look.problems.push(`cannot be read: ${error.message.replace(/^Cannot [^:]*: /, "")}`);
    return undefined;
  }
}

function lockOf(
  { name, byteOffset, kind, holder, sleepsAt }: LockPlace,
  peers: Peers,
): LockInspection {
  const waiters = peers.sleepers?.filter((sleeper) => sleepsAt.includes(sleeper.byteOffset))
    .map(({ pid }) => pid) ?? null;
  return { ...(name === undefined ? {} : { name }), byteOffset, kind, holder, waiters };
}

/** With those who hold locks and are not shown. */
function mappedBy(peers: Peers, locks: readonly LockInspection[]): MappingProcess[] | null {
  const isHidden = locks.some(({ holder }) => holder?.alive === true && holder.pid === null);
  const hidden = isHidden ? [{ pid: null, command: null, alive: true }] : [];
  return peers.processes?.concat(hidden) ?? null;
}

function linesOf(
  peers: Peers,
  asleep: Inspected["asleep"],
): Record<string, string> {
  const lines: Record<string, string> = {};
  const sleepers = asleep.map(({ pid, what }) => `${peers.person(pid)} for ${what}`);
  if (sleepers.length > 0) lines.asleep = sleepers.join(", ");
  const { processes } = peers;
  lines["mapped by"] = processes === null
    ? "not shown here"
    : processes.map(({ pid }) => peers.person(pid!)).join(", ") || "nobody";
  if (peers.sleepers === undefined && processes !== null) lines.waiters = "not shown to this user";
  return lines;
}

/** The locks that somebody holds or waits for; "" if there are none. */
function lockTable(locks: readonly LockInspection[], peers: Peers): string {
  const busy = locks.filter(({ holder, waiters }) => holder !== null || (waiters?.length ?? 0) > 0);
  if (busy.length === 0) return "";
  return formatTable(
    [{ title: "OFFSET", right: true }, { title: "LOCK" }, { title: "KIND" }, { title: "HOLDER" }, {
      title: "WAITING",
    }],
    busy.map(({ byteOffset, name = "-", kind, holder, waiters }) => [
      String(byteOffset),
      name,
      kind,
      holder === null ? "-" : peers.holder(holder),
      waiters === null ? "?" : waiters.map((pid) => peers.person(pid)).join(", ") || "-",
    ]),
  );
}
