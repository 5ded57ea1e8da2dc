/**
 * The first page of every collection: its kind, version and geometry.
 *
 * | byte | what |
 * |---|---|
 * | 0 | "mmapcoll"; its first four bytes are written last, after everything else |
 * | 8 | u32, the version of the format: 1 |
 * | 12 | u32, the kind: 1 log, 2 map, 3 array, 4 cache |
 * | 16 | four u32, the geometry: see each kind |
 * | 32 | two u32, the hash of the elements' layout; 0 if there is none |
 * | 40 | u32, XXH32 of the bytes from 4 to 39 |
 * | 64 | a mutex, where the kind has one |
 * | 128 | the kind's own words |
 * | 4096 | the kind's data |
 *
 * All numbers are in the machine's byte order, which is little-endian wherever Deno runs.
 */

import { checksum } from "./checksum.ts";

/** The length of the header, in bytes. */
export const HEADER_BYTE_LENGTH = 4096;
/** The offset of the mutex. */
export const MUTEX_BYTE_OFFSET = 64;

const MAGIC = [word("mmap"), word("coll")] as const;
/**
 * Stands in place of the magic's first half while a file is being created. A process that finds it
 * starts again.
 */
const MAKING = word("make");
/** The format version of each kind. Kinds with locks got a new version when the locks changed. */
const VERSIONS: Readonly<Record<Kind, number>> = { log: 1, map: 2, array: 2, cache: 1 };

const VERSION_WORD = 2;
const KIND_WORD = 3;
const GEOMETRY_WORD = 4;
const LAYOUT_WORD = 8;
const CHECK_WORD = 10;

/** The kinds, by their number. */
const KINDS = ["", "log", "map", "array", "cache"] as const;

/** The kind of a collection. */
export type Kind = "log" | "map" | "array" | "cache";

/** The content of the header. */
export interface Header {
  readonly kind: Kind;
  /** Four numbers, whose meaning depends on the kind. */
  readonly geometry: readonly [number, number, number, number];
  /** Two words of the hash of the elements' layout. */
  readonly layout: readonly [number, number];
}

/** Four letters as a word in memory. */
function word(letters: string): number {
  return new Int32Array(new TextEncoder().encode(letters).buffer)[0]!;
}

/** Marks a file as being created. */
export function markUnfinished(words: Int32Array): void {
  words[0] = MAKING;
}

/** Whether the creation of a collection was begun here and not finished. */
export function isUnfinished(words: Int32Array): boolean {
  return words[0] === MAKING;
}

/** Writes the header, after everything else: from now on, the collection exists. */
export function writeHeader(words: Int32Array, { kind, geometry, layout }: Header): void {
  words[1] = MAGIC[1];
  words[VERSION_WORD] = VERSIONS[kind];
  words[KIND_WORD] = KINDS.indexOf(kind);
  words.set(geometry, GEOMETRY_WORD);
  words.set(layout, LAYOUT_WORD);
  words[CHECK_WORD] = checksum(words, 1, 36, 0);
  // Pairs with the load in `readHeader`: a process that sees the magic sees everything that was
  // written before it.
  Atomics.store(words, 0, MAGIC[0]);
}

/** The kind of collection that a header claims; undefined if it is none. */
export function claimedKind(words: Int32Array): Kind | undefined {
  if (words[0] !== MAGIC[0] || words[1] !== MAGIC[1]) return undefined;
  return KINDS[words[KIND_WORD]!] || undefined;
}

/** The version that a header claims. */
export function claimedVersion(words: Int32Array): number {
  return words[VERSION_WORD]! >>> 0;
}

/**
 * Reads and checks the header of a collection of that kind.
 *
 * @param action what fails, such as "open log", for the messages
 * @throws {Deno.errors.InvalidData} If it is not a collection, is of another kind or version, or is damaged.
 * @throws {Deno.errors.AlreadyExists} If a cache is wanted, and it is of another kind.
 */
export function readHeader(words: Int32Array, kind: Kind, action: string): Header {
  const first = words.length < HEADER_BYTE_LENGTH / 4 ? 0 : Atomics.load(words, 0);
  if (first === MAKING) throw invalid(action, `its ${kind} was never finished`);
  if (first !== MAGIC[0] || words[1] !== MAGIC[1]) throw invalid(action, "it holds no collection");
  const version = words[VERSION_WORD]! >>> 0;
  const found = KINDS[words[KIND_WORD]!] ?? "";
  const isWhole = words[CHECK_WORD] === checksum(words, 1, 36, 0);
  // This check comes before the version's, since each kind has versions of its own.
  if (isWhole && found !== "" && found !== kind) {
    const why = `it holds another kind of collection: ${found}`;
    if (kind === "cache") throw new Deno.errors.AlreadyExists(`Cannot ${action}: ${why}`);
    throw invalid(action, why);
  }
  if (version !== VERSIONS[kind]) {
    throw invalid(
      action,
      `it has version ${version} of the format, and this module reads ${VERSIONS[kind]}`,
    );
  }
  if (!isWhole) throw invalid(action, "its header is damaged");
  if (found === "") throw invalid(action, "it holds another kind of collection: ?");
  const [a, b, c, d, low, high] = words.subarray(GEOMETRY_WORD, CHECK_WORD);
  return { kind, geometry: [a! >>> 0, b! >>> 0, c! >>> 0, d! >>> 0], layout: [low!, high!] };
}

/** The error for something that is not the collection that was asked for. */
export function invalid(action: string, why: string): Error {
  return new Deno.errors.InvalidData(`Cannot ${action}: ${why}`);
}
