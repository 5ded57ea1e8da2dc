/**
 * Reads a region that begins as nothing known. Locks in it have no magic number: those that are held
 * are found by the names of living threads.
 */

import { system } from "../../os/mod.ts";
import { NUMBER_MASK } from "../../wait/holder.ts";
import { FIRST_MEMBER, RwWords } from "../../wait/rw_words.ts";
import { formatSize } from "../format.ts";
import type { Finding } from "./finding.ts";
import { kindOf } from "./kinds.ts";
import type { LockPlace, Look } from "./look.ts";
import { membersIn } from "./primitive.ts";

/** How much is searched, in bytes. */
const MOST_SEARCHED = 2 ** 24;
/** Everything begins at multiples of this. */
const STEP = 64;

/** What lies somewhere in a region. */
interface Inner {
  readonly byteOffset: number;
  readonly kind: string;
}

export function readBare(look: Look): Finding {
  const searched = Math.min(look.byteLength - look.byteLength % STEP, MOST_SEARCHED);
  const bytes = present(look, searched);
  const words = new Int32Array(bytes.buffer);
  const search = new Search(look, words);
  const inside: Inner[] = [];
  const locks: LockPlace[] = [];
  for (let at = 0; at < words.length; at += STEP / 4) {
    const kind = kindOf(words.subarray(at, at + STEP / 4));
    if (kind !== "region") inside.push({ byteOffset: 4 * at, kind });
    locks.push(...search.locksAt(at));
  }
  return {
    version: null,
    fields: { searchedByteLength: bytes.length, inside },
    lines: {
      inside: inside.map(({ byteOffset, kind }) => `${kind} at byte ${byteOffset}`).join(", "),
      searched: bytes.length === look.byteLength
        ? "all of it; free locks cannot be seen"
        : `the first ${formatSize(bytes.length)}; free locks cannot be seen`,
    },
    locks,
  };
}

/** The bytes up to the first page that is missing. */
function present(look: Look, byteLength: number): Uint8Array<ArrayBuffer> {
  try {
    return look.bytes(0, byteLength);
  } catch {
    const missing = look.firstMissing(byteLength);
    look.problems.push(`pages are missing from byte ${missing} on`);
    return look.bytes(0, missing - missing % STEP);
  }
}

/** Finds locks that are held. */
class Search {
  readonly #look: Look;
  readonly #words: Int32Array;
  readonly #threads: ReadonlySet<number> | undefined;

  constructor(look: Look, words: Int32Array) {
    this.#look = look;
    this.#words = words;
    this.#threads = look.peers.threads;
  }

  /** The locks that begin at a word. */
  locksAt(at: number): LockPlace[] {
    const words = this.#words;
    const start = 4 * at;
    const readers = this.#readersOf(at).map((reader): LockPlace => ({
      byteOffset: 4 * reader,
      kind: "rwlock-reader",
      holder: this.#look.holder(words[reader]!, words[reader + 1]!, "a lock for reading"),
      sleepsAt: [],
    }));
    // The first reader of the lock before this would look like the holder of a mutex.
    if (!this.#isName(at) || this.#readersOf(at - FIRST_MEMBER).includes(at)) return readers;
    // The end of the list of readers; a mutex has nothing there.
    const kind = words[at + FIRST_MEMBER - 1] ? "rwlock-writer" : "mutex";
    const held = this.#look.lock(words, { index: at, name: `a ${kind}`, kind });
    return [{ byteOffset: start, kind, holder: held.holder, sleepsAt: [start] }, ...readers];
  }

  /** The readers of an RwLock that begins at a word. */
  #readersOf(at: number): number[] {
    const end = this.#words[at + FIRST_MEMBER - 1] ?? 0;
    if (end <= FIRST_MEMBER || end > RwWords.byteLength / 4 || end % 2 !== 0) return [];
    return membersIn(this.#words.subarray(at, at + end), FIRST_MEMBER)
      .map((member) => at + member)
      .filter((member) => this.#isName(member));
  }

  /** Whether a living thread of a process that maps the region has that name. */
  #isName(at: number): boolean {
    const number = this.#words[at]! & NUMBER_MASK;
    const fingerprint = this.#words[at + 1] ?? 0;
    if (number === 0 || fingerprint === 0) return false;
    // Most of what lies there is no name: the system is asked about few.
    const thread = system().tokens?.threadIn(fingerprint);
    if (thread === undefined || this.#threads?.has(thread) !== true) return false;
    return this.#look.isAlive(number, fingerprint);
  }
}
