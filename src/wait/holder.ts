/** The holder of a lock, named by two words, and whether it is dead. */

import { isLocked, isNumberLocked } from "../../ffi/file_lock.ts";
import { statusOf } from "../../ffi/status.ts";
import { checkComparable, isDead, ownThread, threadOf } from "../object/identity.ts";
import { pathOfName } from "../object/shared_memory.ts";
import { processOfThread, processWithToken } from "../object/shown_process.ts";
import { type Name, threadIn, Token } from "../object/token.ts";
import type { RegionCore } from "../region/core.ts";
import { damaged } from "./damage.ts";
import { exchangePair } from "./pair.ts";

/** Who holds a lock, at the moment of asking. */
export interface LockHolder {
  /**
   * The holder's process, from /proc, for showing only; null if it is of another PID namespace, or dead,
   * or if /proc does not show it to this user.
   */
  readonly pid: number | null;
  /**
   * The holder's thread, in its own PID namespace. That of a main program has its process's number. 0 if
   * it died before it wrote it down.
   */
  readonly tid: number;
  /** Whether it lives, as the kernel says: right in every namespace and for every user. */
  readonly alive: boolean;
}

/** What the algorithms ask about holders. A test puts its own actors here. */
export interface Threads {
  /**
   * The name of this isolate in this memory. It is asked for before anything changes.
   *
   * @throws if there is nothing that would show others that it lives
   */
  self(): Name;
  /** Whether a name belongs to this isolate. */
  isSelf(number: number, fingerprint: number): boolean;
  /** Whether a holder is dead for sure; a fingerprint of 0 is not written yet. */
  isDead(number: number, fingerprint: number): boolean;
  /** What there is to show of a holder. */
  holder(number: number, fingerprint: number): LockHolder;
}

/** In memory that only the threads of one process have. */
export const THREADS: Threads = {
  self: ownThread,
  isSelf: (number, fingerprint) => {
    const self = THREADS.self();
    return self.number === number && self.fingerprint === fingerprint;
  },
  isDead: (number, fingerprint) => {
    checkNumber(number);
    return isDead(number, fingerprint);
  },
  holder: (number, fingerprint) => {
    const alive = !THREADS.isDead(number, fingerprint);
    return { pid: Deno.pid, tid: threadOf(number).tid, alive };
  },
};

/** @throws {Deno.errors.InvalidData} If nobody can have that number. */
function checkNumber(number: number): void {
  if (number < 1 || number > NUMBER_MASK) throw damaged("lock", number);
}

const known = new WeakMap<RegionCore, Threads>();

/** In a region. */
export function threadsOf(core: RegionCore): Threads {
  // Private memory has no file that others could have.
  if (core.facts.sharing === "private" || core.facts.fd === -1) return THREADS;
  if (Deno.build.os !== "linux") return THREADS;
  let threads = known.get(core);
  if (threads === undefined) known.set(core, threads = new RegionThreads(core));
  return threads;
}

/** What this isolate has of an object: several regions may be of one. */
interface Held {
  readonly tokens: Set<Token>;
  /** How many regions have taken a token and are neither closed nor collected. */
  regions: number;
}

const heldByObject = new Map<string, Held>();

/**
 * Gives up the token of a region that has ended. One that nobody closed was only forgotten: as long as
 * this isolate has other regions of the object, what was joined through it is not a dead one's.
 */
function giveUp(object: string, held: Held, token: Token, forgotten: boolean): void {
  held.regions--;
  const given = held.regions === 0 ? [...held.tokens] : forgotten ? [] : [token];
  for (const each of given) {
    held.tokens.delete(each);
    each.release();
  }
  if (held.regions === 0 && heldByObject.get(object) === held) heldByObject.delete(object);
}

/** The bits of a word that hold a number; the others are the word's own. */
export const NUMBER_MASK = 0x3fffffff;
/** The bit of a lock word that is never set. */
export const NO_BIT = 0x40000000;

/** Names somebody else wherever one holder is named. */
function rename(cells: Int32Array, from: Name, to: Name): void {
  for (let at = 0; at + 1 < cells.length; at += 2) {
    while (true) {
      const state = Atomics.load(cells, at);
      if ((state & NUMBER_MASK) !== from.number || cells[at + 1] !== from.fingerprint) break;
      const named = [(state & ~NUMBER_MASK) | to.number, to.fingerprint] as const;
      if (exchangePair(cells, at, [state, from.fingerprint], named)) break;
    }
  }
}

/**
 * Gives up the token of a region, which stays open: everything that names it is a dead one's, but for
 * what stands in `kept`, which names a new token from now on.
 *
 * @throws if no other token can be had; then nothing is given up
 */
export function renewToken(core: RegionCore, kept: readonly Int32Array[]): void {
  const threads = known.get(core);
  if (threads instanceof RegionThreads) threads.renew(kept);
}

/** By tokens. */
class RegionThreads implements Threads {
  readonly #core: RegionCore;
  #self: Name | undefined;
  #mine: { readonly held: Held; token: Token } | undefined;
  #object: string | undefined;

  constructor(core: RegionCore) {
    this.#core = core;
  }

  self(): Name {
    return this.#self ?? this.#begin();
  }

  #begin(): Name {
    const token = Token.take(describe(this.#core));
    if (token === undefined) {
      checkComparable();
      return this.#self = ownThread();
    }
    const object = this.#objectKey();
    const held = heldByObject.get(object) ?? { tokens: new Set(), regions: 0 };
    held.tokens.add(token);
    held.regions++;
    heldByObject.set(object, held);
    const mine = this.#mine = { held, token };
    // It must not hold the region, which may be collected instead of closed.
    this.#core.onceClosed((forgotten) => giveUp(object, held, mine.token, forgotten));
    return this.#self = token;
  }

  /** See {@linkcode renewToken}. */
  renew(kept: readonly Int32Array[]): void {
    const mine = this.#mine;
    if (mine === undefined) return;
    const old = mine.token;
    const fresh = Token.take(describe(this.#core));
    if (fresh === undefined) return;
    mine.held.tokens.add(fresh);
    for (const cells of kept) rename(cells, old, fresh);
    this.#self = mine.token = fresh;
    mine.held.tokens.delete(old);
    old.release();
  }

  #objectKey(): string {
    if (this.#object === undefined) {
      const { device, inode } = statusOf(this.#fd);
      this.#object = `${device} ${inode}`;
    }
    return this.#object;
  }

  /** @throws {Deno.errors.BadResource} If the region is closed. */
  get #fd(): number {
    this.#core.live("use locks");
    return this.#core.facts.fd;
  }

  isSelf(number: number, fingerprint: number): boolean {
    const self = this.self();
    if (self.number === number && self.fingerprint === fingerprint) return true;
    for (const token of heldByObject.get(this.#objectKey())?.tokens ?? []) {
      if (token.number === number && token.fingerprint === fingerprint) return true;
    }
    return false;
  }

  isDead(number: number, fingerprint: number): boolean {
    checkNumber(number);
    if (!(this.self() instanceof Token)) return isDead(number, fingerprint);
    // Not by the token's own description, which does not see its own lock.
    const lives = fingerprint === 0
      ? isNumberLocked(this.#fd, number)
      : isLocked(this.#fd, number, fingerprint);
    return !lives && !this.isSelf(number, fingerprint);
  }

  holder(number: number, fingerprint: number): LockHolder {
    const alive = !this.isDead(number, fingerprint);
    const byToken = this.self() instanceof Token;
    const { tid, isOwnNamespace } = byToken
      ? { tid: threadIn(fingerprint), isOwnNamespace: true }
      : threadOf(number);
    if (!alive || !isOwnNamespace) return { pid: null, tid, alive };
    if (this.isSelf(number, fingerprint)) return { pid: Deno.pid, tid, alive };
    const pid = byToken ? processWithToken(tid, { number, fingerprint }) : processOfThread(tid);
    return { pid, tid, alive };
  }
}

function describe(core: RegionCore): { fd: number; path: string; madeHere: boolean } {
  const { request } = core.live("use locks");
  const { fd, kind, name } = core.facts;
  return {
    fd,
    path: kind === "named" ? pathOfName(name) : request.subject ?? "",
    // Memory that was attached to has the text of its handle's path there.
    madeHere: kind === "anonymous" && request.subject === undefined,
  };
}
