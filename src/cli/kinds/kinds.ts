/** The kinds of things that lie in regions, how to recognise each, and who reads it. */

import { BROADCAST, CHANNEL, LATEST, SERVER } from "../../channel/kinds.ts";
import { MAGIC } from "../../channel/layout.ts";
import type { Kind as ChannelKind } from "../../channel/header.ts";
import { claimedKind } from "../../collections/header.ts";
import { isTable } from "../../sync/layout_table.ts";
import type { MmapRegion } from "../../region/mmap_region.ts";
import type { LockPlace, Look } from "./look.ts";

/** What a reader has found. */
export interface Finding {
  /** Null if it has none. */
  readonly version: number | null;
  /** The kind's own fields, for programs. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The same for people, by their titles. */
  readonly lines: Readonly<Record<string, string>>;
  /** What does not fit into lines. */
  readonly table?: string;
  readonly locks?: readonly LockPlace[];
  /** Words that somebody may sleep on beside those of locks, and what for. */
  readonly bells?: readonly { readonly byteOffset: number; readonly what: string }[];
  /** The share that is taken, from 0 to 1. */
  readonly full?: number;
  /** Counts that only grow: bytes, or times. */
  readonly counts?: {
    readonly in?: number;
    readonly out?: number;
    readonly unit: "bytes" | "times";
  };
}

/** Reads one kind. @throws {Deno.errors.InvalidData} If it is damaged. */
export type Reader = (look: Look) => Finding;

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

/** A kind of thing. */
interface KindEntry {
  /** Whether a region begins as one. */
  readonly begins: (words: Int32Array) => boolean;
  readonly reader: () => Promise<Reader>;
}

/** Enough to recognise each kind, in bytes. */
const HEAD_BYTE_LENGTH = 64;

function hasMagic({ magic }: ChannelKind): KindEntry["begins"] {
  return (words) => words[MAGIC] === magic;
}

function isCollection(kind: ReturnType<typeof claimedKind>): KindEntry["begins"] {
  return (words) => claimedKind(words) === kind;
}

const KINDS: Readonly<Record<Exclude<KindName, "region">, KindEntry>> = {
  channel: {
    begins: hasMagic(CHANNEL),
    reader: async () => (await import("./channel.ts")).readChannel,
  },
  broadcast: {
    begins: hasMagic(BROADCAST),
    reader: async () => (await import("./broadcast.ts")).readBroadcast,
  },
  latest: {
    begins: hasMagic(LATEST),
    reader: async () => (await import("./latest.ts")).readLatest,
  },
  server: {
    begins: hasMagic(SERVER),
    reader: async () => (await import("./server.ts")).readServer,
  },
  map: { begins: isCollection("map"), reader: async () => (await import("./map.ts")).readMap },
  log: { begins: isCollection("log"), reader: async () => (await import("./log.ts")).readLog },
  array: {
    begins: isCollection("array"),
    reader: async () => (await import("./array.ts")).readArray,
  },
  cache: {
    begins: isCollection("cache"),
    reader: async () => (await import("./cache.ts")).readCache,
  },
  layout: { begins: isTable, reader: async () => (await import("./layout.ts")).readLayout },
};

const ENTRIES = Object.entries(KINDS) as [KindName, KindEntry][];

/** The kind that such words are the beginning of. */
export function kindOf(words: Int32Array): KindName {
  return ENTRIES.find(([, { begins }]) => begins(words))?.[0] ?? "region";
}

/** The kind of a region; null if its first page is missing. */
export function kindOfRegion(region: MmapRegion): KindName | null {
  const bytes = new Uint8Array(HEAD_BYTE_LENGTH);
  const count = region.tryRead(bytes, 0);
  if (count === 0) return null;
  return kindOf(new Int32Array(bytes.buffer));
}

/** Who reads that kind. */
export async function readerOf(kind: KindName): Promise<Reader> {
  if (kind !== "region") return await KINDS[kind].reader();
  return (await import("./bare.ts")).readBare;
}
