/** The holder of a lock, named by two words, and whether it is dead. */

import { pathOfName } from "../object/shared_memory.ts";
import { system } from "../os/mod.ts";
import type { Name, OpenObject, Token, TokenObject, TokenSystem } from "../os/system.ts";
import type { RegionBacking } from "../region/backing.ts";
import { damaged } from "./damage.ts";
import { exchangePair } from "./pair.ts";

/** The holder of a lock, at the moment of asking. */
export interface LockHolder {
  /**
   * The holder's process, from /proc, for display only; null if it is in another PID namespace or
   * dead, or if /proc does not show it to this user.
   */
  readonly pid: number | null;
  /**
   * The holder's thread, in its own PID namespace. On Linux, the thread of a main program has the
   * number of its process. 0 if the holder died before it wrote its fingerprint.
   */
  readonly tid: number;
  /** Whether it is alive, as the kernel says: valid in every namespace and for every user. */
  readonly alive: boolean;
}

/** What the algorithms ask about holders. Tests replace it with actors of their own. */
export interface Threads {
  /**
   * The name of this isolate in this memory. The algorithms ask for it before they change anything.
   *
   * @throws if nothing would show others that this isolate is alive
   */
  self(): Name;
  /** Whether a name belongs to this isolate. */
  isSelf(number: number, fingerprint: number): boolean;
  /** Whether a holder is certainly dead; a fingerprint of 0 is not written yet. */
  isDead(number: number, fingerprint: number): boolean;
  /** The facts about a holder, for display. */
  holder(number: number, fingerprint: number): LockHolder;
}

/** Holders in memory of a single process. */
export const THREADS: Threads = {
  self: () => system().processes.thread(),
  isSelf: (number, fingerprint) => {
    const self = THREADS.self();
    return self.number === number && self.fingerprint === fingerprint;
  },
  isDead: (number, fingerprint) => {
    checkNumber(number);
    return system().processes.isDead(number, fingerprint);
  },
  holder: (number, fingerprint) => {
    const alive = !THREADS.isDead(number, fingerprint);
    const { tid, pid } = system().processes.threadOf(number);
    return { pid: pid === undefined ? Deno.pid : alive ? pid : null, tid, alive };
  },
};

/** @throws {Deno.errors.InvalidData} If no holder can have that number. */
function checkNumber(number: number): void {
  if (number < 1 || number > NUMBER_MASK) throw damaged("lock", number);
}

const known = new WeakMap<RegionBacking, Threads>();

/** Holders in a region. */
export function threadsOf(backing: RegionBacking): Threads {
  // Private memory has no object that others could open.
  const { object, sharing } = backing.attributes;
  const { tokens } = system();
  if (sharing === "private" || object === undefined || tokens === undefined) return THREADS;
  let threads = known.get(backing);
  if (threads === undefined) {
    known.set(backing, threads = new RegionThreads(backing, object, tokens));
  }
  return threads;
}

/** The tokens of this isolate in one object, which several regions may map. */
interface ObjectTokens {
  readonly tokens: Set<Token>;
  /** How many regions have taken a token and are neither closed nor garbage-collected. */
  regions: number;
}

const tokensByObject = new Map<string, ObjectTokens>();

/**
 * Gives up the token of a region that has ended. If nobody closed the region, its token is kept as
 * long as this isolate has other regions of the object: what joined through it is not dead.
 */
function giveUp(object: string, held: ObjectTokens, token: Token, forgotten: boolean): void {
  held.regions--;
  const given = held.regions === 0 ? [...held.tokens] : forgotten ? [] : [token];
  for (const each of given) {
    held.tokens.delete(each);
    each.release();
  }
  if (held.regions === 0 && tokensByObject.get(object) === held) tokensByObject.delete(object);
}

/** The bits of a word that hold a number; each kind of word has its own use for the others. */
export const NUMBER_MASK = 0x3fffffff;
/** The bit of a lock word that is never set. */
export const NO_BIT = 0x40000000;

/** Replaces the name of one holder by another, wherever it occurs. */
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
 * Gives up the token of a region that stays open: its name counts as a dead holder's from now on.
 * In the words of `kept`, the name of a new token replaces it.
 *
 * @throws if no new token can be taken; then nothing is given up
 */
export function renewToken(backing: RegionBacking, kept: readonly Int32Array[]): void {
  const threads = known.get(backing);
  if (threads instanceof RegionThreads) threads.renew(kept);
}

/** Holders that are identified by tokens. */
class RegionThreads implements Threads {
  readonly #backing: RegionBacking;
  readonly #opened: OpenObject;
  readonly #tokens: TokenSystem;
  #self: Name | undefined;
  #mine: { readonly held: ObjectTokens; token: Token } | undefined;
  #key: string | undefined;

  constructor(backing: RegionBacking, object: OpenObject, tokens: TokenSystem) {
    this.#backing = backing;
    this.#opened = object;
    this.#tokens = tokens;
  }

  self(): Name {
    return this.#self ?? this.#begin();
  }

  #begin(): Name {
    const token = this.#take();
    if (token === undefined) {
      const { processes } = system();
      processes.checkComparable();
      return this.#self = processes.thread();
    }
    const object = this.#objectKey();
    const held = tokensByObject.get(object) ?? { tokens: new Set(), regions: 0 };
    held.tokens.add(token);
    held.regions++;
    tokensByObject.set(object, held);
    const mine = this.#mine = { held, token };
    // The callback must not reference the region, which may be garbage-collected instead of closed.
    this.#backing.onceClosed((forgotten) => giveUp(object, held, mine.token, forgotten));
    return this.#self = token;
  }

  /** See {@linkcode renewToken}. */
  renew(kept: readonly Int32Array[]): void {
    const mine = this.#mine;
    if (mine === undefined) return;
    const old = mine.token;
    const fresh = this.#take();
    if (fresh === undefined) return;
    mine.held.tokens.add(fresh);
    for (const cells of kept) rename(cells, old, fresh);
    this.#self = mine.token = fresh;
    mine.held.tokens.delete(old);
    old.release();
  }

  #objectKey(): string {
    if (this.#key === undefined) {
      const { device, inode } = system().objects.status(this.#object);
      this.#key = `${device} ${inode}`;
    }
    return this.#key;
  }

  /** @throws {Deno.errors.BadResource} If the region is closed. */
  get #object(): OpenObject {
    this.#backing.live("use locks");
    return this.#opened;
  }

  /** Whether holders are identified by tokens, and not by the numbers of threads. */
  get #byToken(): boolean {
    this.self();
    return this.#mine !== undefined;
  }

  #take(): Token | undefined {
    return this.#tokens.take(describe(this.#backing, this.#object));
  }

  isSelf(number: number, fingerprint: number): boolean {
    const self = this.self();
    if (self.number === number && self.fingerprint === fingerprint) return true;
    return this.#isHeldHere(number, fingerprint);
  }

  /** Whether it is a token of this isolate. */
  #isHeldHere(number: number, fingerprint: number): boolean {
    for (const token of tokensByObject.get(this.#objectKey())?.tokens ?? []) {
      if (token.number === number && token.fingerprint === fingerprint) return true;
    }
    return false;
  }

  isDead(number: number, fingerprint: number): boolean {
    checkNumber(number);
    if (!this.#byToken) return system().processes.isDead(number, fingerprint);
    const lives = this.#tokens.isHeld(this.#object, number, fingerprint);
    return !lives && !this.isSelf(number, fingerprint);
  }

  holder(number: number, fingerprint: number): LockHolder {
    const alive = !this.isDead(number, fingerprint);
    const isOwn = alive && this.isSelf(number, fingerprint);
    return describeHolder({ number, fingerprint }, { alive, isOwn, byToken: this.#byToken });
  }

  /** See {@linkcode seenHolder}. */
  seen(number: number, fingerprint: number): LockHolder {
    const isOwn = this.#isHeldHere(number, fingerprint);
    const held = isOwn || this.#isHeldByOthers(number, fingerprint);
    const byToken = held !== undefined;
    const alive = held ?? !system().processes.isDead(number, fingerprint);
    return describeHolder({ number, fingerprint }, { alive, isOwn, byToken });
  }

  /** Undefined where the file system has no tokens. */
  #isHeldByOthers(number: number, fingerprint: number): boolean | undefined {
    try {
      return this.#tokens.isHeld(this.#object, number, fingerprint);
    } catch (error) {
      if (error instanceof Error && "errno" in error) return undefined;
      throw error;
    }
  }
}

function describeHolder(
  name: Name,
  { alive, isOwn, byToken }: { alive: boolean; isOwn: boolean; byToken: boolean },
): LockHolder {
  const { processes, tokens } = system();
  const { tid, isOwnNamespace } = byToken
    ? { tid: tokens!.threadIn(name.fingerprint), isOwnNamespace: true }
    : processes.threadOf(name.number);
  if (!alive || !isOwnNamespace) return { pid: null, tid, alive };
  if (isOwn) return { pid: Deno.pid, tid, alive };
  const pid = byToken ? tokens!.processWith(tid, name) : processes.processOfThread(tid);
  return { pid, tid, alive };
}

/**
 * The holder that two words name, for whoever only looks: unlike `Threads.holder`, this takes no
 * token of the region's object.
 *
 * @returns undefined if nobody can have that number
 */
export function seenHolder(
  backing: RegionBacking,
  number: number,
  fingerprint: number,
): LockHolder | undefined {
  if (number < 1 || number > NUMBER_MASK) return undefined;
  const threads = threadsOf(backing);
  if (threads instanceof RegionThreads) return threads.seen(number, fingerprint);
  return threads.holder(number, fingerprint);
}

function describe(backing: RegionBacking, object: OpenObject): TokenObject {
  const { request } = backing.live("use locks");
  const { kind, name } = backing.attributes;
  return {
    object,
    path: kind === "named" ? pathOfName(name) : request.subject ?? "",
    // In attached memory, `subject` is the path of its handle.
    madeHere: kind === "anonymous" && request.subject === undefined,
  };
}
