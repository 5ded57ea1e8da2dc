/** The kinds of things that lie in regions, and how to recognise each. */

import { BROADCAST, CHANNEL, LATEST, SERVER } from "../../channel/kinds.ts";
import { MAGIC } from "../../channel/layout.ts";
import type { Kind as ChannelKind } from "../../channel/header.ts";
import { claimedKind } from "../../collections/header.ts";
import { isTable } from "../../sync/layout_table.ts";
import type { MmapRegion } from "../../region/mmap_region.ts";

/** The kinds. */
export type KindName =
  | "channel"
  | "broadcast"
  | "latest"
  | "server"
  | "map"
  | "log"
  | "array"
  | "cache"
  | "layout"
  | "region";

/** Whether a region begins as one. */
type Begins = (words: Int32Array) => boolean;

/** Enough to recognise each kind, in bytes. */
const HEAD_BYTE_LENGTH = 64;

function hasMagic({ magic }: ChannelKind): Begins {
  return (words) => words[MAGIC] === magic;
}

function isCollection(kind: ReturnType<typeof claimedKind>): Begins {
  return (words) => claimedKind(words) === kind;
}

/** How to recognise each. */
const KINDS: Readonly<Record<Exclude<KindName, "region">, Begins>> = {
  channel: hasMagic(CHANNEL),
  broadcast: hasMagic(BROADCAST),
  latest: hasMagic(LATEST),
  server: hasMagic(SERVER),
  map: isCollection("map"),
  log: isCollection("log"),
  array: isCollection("array"),
  cache: isCollection("cache"),
  layout: isTable,
};

const ENTRIES = Object.entries(KINDS) as [KindName, Begins][];

/** The kind that such words are the beginning of. */
export function kindOf(words: Int32Array): KindName {
  return ENTRIES.find(([, begins]) => begins(words))?.[0] ?? "region";
}

/** The kind of a region; null if its first page is missing. */
export function kindOfRegion(region: MmapRegion): KindName | null {
  const bytes = new Uint8Array(HEAD_BYTE_LENGTH);
  const count = region.tryRead(bytes, 0);
  if (count === 0) return null;
  return kindOf(new Int32Array(bytes.buffer));
}
