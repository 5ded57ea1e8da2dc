/** What the kinds of collections have in common. */

import {
  claimedVersion,
  type Header,
  HEADER_BYTE_LENGTH,
  type Kind,
  MUTEX_BYTE_OFFSET,
  readHeader,
} from "../../collections/header.ts";
import type { LockPlace, Look } from "./look.ts";

/** The first page, read. */
export interface CollectionHead {
  readonly words: Int32Array<ArrayBuffer>;
  readonly header: Header;
  readonly version: number;
}

/** @throws {Deno.errors.InvalidData} If it is damaged, or of another version. */
export function readHead(look: Look, kind: Kind): CollectionHead {
  const words = look.words(0, HEADER_BYTE_LENGTH);
  const header = readHeader(words, kind, `read ${kind}`);
  return { words, header, version: claimedVersion(words) };
}

/** The mutex of its writers. */
export function writersMutex(look: Look, words: Int32Array): LockPlace {
  return look.lock(words, { index: MUTEX_BYTE_OFFSET / 4, name: "writers", kind: "mutex" });
}
