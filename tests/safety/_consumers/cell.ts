/** One consumer that has the bytes taken away in one way at one time. */

import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { descriptorsOf, mapsOf } from "../../_process.ts";
import { waitUntilBegun } from "./begun.ts";
import type { Consumer, Ready } from "./consumer.ts";
import { type Counts, OWN } from "./counts.ts";
import { type Got, gotOf, type References } from "./got.ts";
import { Others } from "./others.ts";
import { makePeer, type Peer } from "./peers.ts";
import { type AddressRange, addressRangeOf, otherThreadsRan, truncateElsewhere } from "./system.ts";

/** How the bytes are taken away. */
export const WAYS = ["close", "grow", "shrink", "truncate", "forget", "terminate"] as const;
export type Way = typeof WAYS[number];

/** When: in the turn that handed them over, or once the consumer is at work. */
export const TIMES = ["at once", "at work"] as const;
export type Time = typeof TIMES[number];

/** What is to be tried. */
export interface Cell {
  readonly consumer: Consumer;
  readonly way: Way;
  readonly time: Time;
}

/** What was seen. */
export interface Seen {
  readonly got: Got;
  /** The consumer's error, as text. */
  readonly error: string | undefined;
  /** Whether it still was at work when the bytes were taken away. */
  readonly pending: boolean;
  /** What must never be. */
  readonly problems: readonly string[];
}

/** How a consumer's promise was settled. */
export interface Settled {
  readonly value?: unknown;
  readonly error?: unknown;
}

/** Where one cell works, and with whom. */
export interface Stage {
  readonly path: string;
  readonly peer: Peer | undefined;
}

/** What a process has for all of its cells. */
export interface Tools {
  /** The file of the other regions. */
  readonly others: string;
  /** The cell's consumer's. */
  readonly references: References;
}

/** A directory with the region's file, and a peer. */
export function setStage({ consumer }: Cell, dir: string): Stage {
  const { byteLength, content = filled } = consumer;
  const path = join(dir, "region.bin");
  Deno.writeFileSync(path, content(byteLength));
  return { path, peer: consumer.peer && makePeer(consumer.peer, dir) };
}

export function filled(byteLength: number, value = OWN): Uint8Array<ArrayBuffer> {
  return new Uint8Array(byteLength).fill(value);
}

/** Tries one cell in this isolate. */
export async function runCell(cell: Cell, dir: string, tools: Tools): Promise<Seen> {
  const { consumer, way, time } = cell;
  const stage = setStage(cell, dir);
  const { peer, path } = stage;
  const { byteLength } = consumer;
  const ready = await consumer.prepare({ dir, place: peer?.place ?? "", byteLength });
  if (ready.place !== undefined) peer?.connect(ready.place);
  const ran = otherThreadsRan();
  const lent = lend(path, ready, way === "forget");
  if (time === "at work") {
    await waitUntilBegun(consumer, { peer, ran, range: lent.range, isOver: lent.isOver });
  }
  const pending = !lent.isOver();
  await takeAway(way, path, byteLength, lent.region);
  const others = new Others(tools.others, byteLength);
  peer?.go();
  const settled = await lent.settled;
  await ready.end?.();
  const counts = await peer?.got;
  lent.region?.close();
  const problems = [...others.close(), ...await leftOf(path)];
  return { ...seenOf(cell, settled, counts, tools.references), pending, problems };
}

/** What a cell's settled promise and peer say. */
function seenOf(
  { consumer }: Cell,
  { value, error }: Settled,
  counts: Counts | undefined,
  references: References,
): { got: Got; error: string | undefined } {
  const got = gotOf(consumer, { value, failed: error !== undefined, counts }, references);
  return { got, error: error === undefined ? undefined : `${error}` };
}

/** What of a lent region this side keeps. */
interface Lent {
  readonly region: MmapRegion | undefined;
  readonly range: AddressRange;
  readonly settled: Promise<Settled>;
  isOver(): boolean;
}

/** Hands a region's bytes over; keeps no reference if it is to be forgotten. */
function lend(path: string, ready: Ready, forget: boolean): Lent {
  const region = MmapRegion.open(path, { access: "read-write" });
  const range = addressRangeOf(region.bytes);
  let over = false;
  const settled = used(ready, region.bytes).finally(() => over = true);
  return { region: forget ? undefined : region, range, settled, isOver: () => over };
}

function used(ready: Ready, bytes: Uint8Array<ArrayBuffer>): Promise<Settled> {
  try {
    return ready.use(bytes).then((value) => ({ value }), (error) => ({ error }));
  } catch (error) {
    return Promise.resolve({ error });
  }
}

async function takeAway(
  way: Way,
  path: string,
  byteLength: number,
  region: MmapRegion | undefined,
): Promise<void> {
  switch (way) {
    case "close":
      return region!.close();
    case "grow":
      return region!.resize(2 * byteLength);
    case "shrink":
      return region!.resize(byteLength >> 1);
    case "truncate":
      return truncateElsewhere(path, SHORT);
    case "forget":
      for (let i = 0; i < 3; i++) await collect();
      return;
    case "terminate":
      throw new Error("It is a Worker that is terminated");
  }
}

/** What truncation leaves. */
const SHORT = 3 * 4096;

/** Finalizers run in a turn of the event loop behind the collection. */
async function collect(): Promise<void> {
  (globalThis as unknown as { gc(): void }).gc();
  await new Promise((resolve) => setTimeout(resolve));
}

/** Enough turns for whatever is to be collected. */
const MOST_TURNS = 100;

/** What is still held of a region that was closed, or forgotten, and that nobody uses any more. */
export async function leftOf(path: string): Promise<string[]> {
  const left = () => [
    ...(held() === 0 ? [] : [`held is ${held()}`]),
    ...mapsOf(path).map((line) => `mapped: ${line}`),
    ...descriptorsOf(path).map((link) => `open: ${link}`),
  ];
  for (let turn = 0; turn < MOST_TURNS && left().length > 0; turn++) await collect();
  return left();
}

function held(): number {
  return (MmapRegion as unknown as { held: number }).held;
}
