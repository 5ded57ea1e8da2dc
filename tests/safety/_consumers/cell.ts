/** One consumer that has the bytes taken away in one way at one time. */

import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { descriptorsOf, mapsOf } from "../../_process.ts";
import { waitUntilBegun } from "./begun.ts";
import type { Consumer, Ready } from "./consumer.ts";
import { OWN } from "./counts.ts";
import { type Got, gotOf, type References } from "./got.ts";
import { Others } from "./others.ts";
import { makePeer, type Peer } from "./peers.ts";
import { type AddressRange, addressRangeOf, otherThreadsRan, truncateElsewhere } from "./system.ts";

/** How the bytes are taken away. */
export const WAYS = ["close", "grow", "shrink", "truncate", "forget"] as const;
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
export function setStage(consumer: Consumer, dir: string): Stage {
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
  const { consumer, way } = cell;
  const { byteLength } = consumer;
  const { peer, path } = setStage(consumer, dir);
  const { promise: gone, resolve: beGone } = Promise.withResolvers<void>();
  const ready = await consumer.prepare({ dir, place: peer?.place ?? "", byteLength, gone });
  if (ready.place !== undefined) peer?.connect(ready.place);
  const lent = lend(path, ready, way === "forget");
  if (cell.time === "at work") await waitUntilBegun(consumer, lent, peer);
  const pending = !lent.isOver();
  await takeAway(way, path, byteLength, lent.region);
  const others = new Others(tools.others, byteLength);
  beGone();
  peer?.go();
  const { value, error } = await endOf(cell, lent, ready, peer);
  await ready.end?.();
  const counts = await peer?.got;
  lent.region?.close();
  const failed = error !== undefined;
  const got = gotOf(consumer, { value, failed, counts, cut: CUTS.includes(way) }, tools.references);
  const problems = [...others.close(), ...await leftOf(path)];
  return { got, error: failed ? `${error}` : undefined, pending, problems };
}

/** Ways that take bytes away from the file too. */
const CUTS: readonly Way[] = ["shrink", "truncate"];

/**
 * The end of a consumer. Where the kernel copies a part only, because the rest is gone, Deno waits
 * for the socket to become writable, which it is already: that ends when the peer leaves.
 */
async function endOf(
  { consumer, way }: Cell,
  { settled, isOver }: Lent,
  ready: Ready,
  peer: Peer | undefined,
): Promise<Settled> {
  if (peer !== undefined && (consumer.stalls === true || CUTS.includes(way))) {
    await Promise.race([settled, peer.quiet(QUIET_TURNS)]);
    if (!isOver()) {
      peer.leave();
      ready.giveUp?.();
    }
  }
  return await settled;
}

/** Many enough for whoever has something to send. */
export const QUIET_TURNS = 100;

/** What of a lent region this side keeps. */
export interface Lent {
  readonly region: MmapRegion | undefined;
  readonly range: AddressRange;
  /** How long other threads had run before. */
  readonly ran: number;
  readonly settled: Promise<Settled>;
  isOver(): boolean;
}

/** Hands a region's bytes over; keeps no reference if it is to be forgotten. */
export function lend(path: string, ready: Ready, forget = false): Lent {
  const region = MmapRegion.open(path, { access: "read-write" });
  const range = addressRangeOf(region.bytes);
  const ran = otherThreadsRan();
  let over = false;
  const settled = used(ready, region.bytes).finally(() => over = true);
  return { region: forget ? undefined : region, range, ran, settled, isOver: () => over };
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
  return MmapRegion.held;
}
