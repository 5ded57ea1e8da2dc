/** What a mapping shows: what the kernel and the guard do to its pages. */

import { type Mapped, type ObjectModel, PAGE } from "./object_model.ts";

/** See `absorb_missing` in guard.c. */
const GUARD_PATIENCE = 6;

export type Rights = "none" | "read" | "write";

/** A page that is this mapping's own: a copy, or a zero page of the guard. */
interface OwnPage {
  readonly bytes: Uint8Array;
  /** A zero page: it has no file, so that truncation leaves it alone. */
  readonly zero: boolean;
}

/** What a mapping is made with. */
export interface MappingSpec {
  readonly object: ObjectModel;
  /** Where in the object it begins: a multiple of the page size. */
  readonly fileOffset: number;
  readonly byteLength: number;
  readonly rights: Rights;
  /** Writes stay in the mapping. */
  readonly copies: boolean;
  /** It has no descriptor: its pages cannot be missing, and forbidden ones only get rights. */
  readonly plain: boolean;
  /** It lies at V8's addresses. */
  readonly borrowed?: boolean;
  guarded: boolean;
}

/** The model of one mapping. Pages count from its beginning. */
export class MappingModel implements Mapped {
  readonly spec: MappingSpec;
  byteLength: number;
  /** How often its pages have changed, or what may be done with them; not by the object. */
  changes = 0;
  /** Absorbed since the mapping was made. */
  faults = 0;
  cutOff = false;
  /** Some of its pages may be locked in memory: such private pages are copied once writable. */
  locked = false;
  /** How many Workers touch it at times of their own. */
  hammered = 0;
  /** What they touched may or may not be cut off. */
  uncertain = false;
  /** Which pages can be touched without a fault is not known. */
  rightsLost = false;
  /** The same of the number of faults, which no healing takes back. */
  faultsUncertain = false;
  readonly #own = new Map<number, OwnPage>();
  /** Pages of a shared mapping that the guard has made private. */
  readonly #detached = new Set<number>();
  readonly #rights = new Map<number, Rights>();
  /** Pages that may have been copied or not: known until the object changes there. */
  readonly #maybe = new Set<number>();
  readonly #unknown = new Set<number>();
  /** Where other threads copy pages, each at a time of its own. */
  readonly #copiers = new Set<readonly [first: number, last: number]>();

  constructor(spec: MappingSpec) {
    this.spec = spec;
    this.byteLength = spec.byteLength;
    spec.object.mappings.add(this);
  }

  end(): void {
    this.spec.object.mappings.delete(this);
  }

  get pages(): number {
    return Math.ceil(this.byteLength / PAGE);
  }

  #objectPage(page: number): number {
    return page + this.spec.fileOffset / PAGE;
  }

  /** Whether a page lies behind the end of its object, and nothing was put in its place. */
  missing(page: number): boolean {
    return !this.spec.plain && this.#own.get(page)?.zero !== true &&
      this.#objectPage(page) >= this.spec.object.pages;
  }

  rightsOf(page: number): Rights {
    return this.#rights.get(page) ?? this.spec.rights;
  }

  /** Whether touching a page gives no fault. */
  touchable(page: number, write: boolean): boolean {
    return !this.rightsLost && !this.missing(page) && allows(this.rightsOf(page), write);
  }

  /** Takes note of an access, which the guard absorbs if it must. */
  touch(page: number, write: boolean): void {
    if (!allows(this.rightsOf(page), write)) {
      this.#fault();
      this.setRights(page, page + 1, "write");
      const own = this.spec.copies || this.spec.plain || this.#own.get(page)?.zero === true;
      if (!own) this.#becomeCopy(page);
    }
    if (!this.missing(page)) return;
    const end = this.#reach(page);
    this.#fault();
    this.#becomeZero(page, "write");
    for (let further = page + 1; further < end; further++) {
      this.#becomeZero(further, this.spec.borrowed ? "write" : "read");
    }
  }

  /** Behind which page the zero pages end: the guard is patient with the first faults only. */
  #reach(page: number): number {
    const most = Math.min(this.pages, page + 2 ** Math.min(16, this.faults >> GUARD_PATIENCE));
    let end = page + 1;
    while (end < most && (this.missing(end) || this.rightsOf(end) === "none")) end++;
    return end;
  }

  /** A private page over the object's, also where there was another one before. */
  #becomeCopy(page: number): void {
    this.#detached.add(page);
    this.#own.delete(page);
    this.#unknown.delete(page);
  }

  #becomeZero(page: number, rights: Rights): void {
    this.#rights.set(page, rights);
    this.#own.set(page, { bytes: new Uint8Array(PAGE), zero: true });
    this.#unknown.delete(page);
  }

  #fault(): void {
    this.changes++;
    this.faults++;
    this.cutOff = true;
  }

  #private(page: number): boolean {
    return this.spec.copies || this.#detached.has(page) || this.#own.has(page);
  }

  /** A write that succeeded. */
  write(byteOffset: number, bytes: Uint8Array): void {
    this.changes++;
    for (const { page, from, to, at } of pieces(byteOffset, bytes.length)) {
      const part = bytes.subarray(at, at + to - from);
      if (this.uncertain && !this.spec.plain) this.#writeSomewhere(page, from, to);
      else if (this.#private(page)) this.#copied(page).set(part, from);
      else this.spec.object.write(this.spec.fileOffset + page * PAGE + from, part);
    }
  }

  /** The page may be the object's, or one that the guard has put there meanwhile. */
  #writeSomewhere(page: number, from: number, to: number): void {
    const start = this.#objectPage(page) * PAGE;
    this.#unknown.add(page);
    this.spec.object.forget(start + from, start + to);
  }

  #copied(page: number): Uint8Array {
    const own = this.#own.get(page);
    if (own !== undefined) return own.bytes;
    const there = this.#objectPage(page);
    if (!this.spec.object.knows(there)) this.#unknown.add(page);
    const bytes = this.spec.object.bytes.slice(there * PAGE, (there + 1) * PAGE);
    const copy = { bytes, zero: false };
    this.#own.set(page, copy);
    this.#maybe.delete(page);
    return copy.bytes;
  }

  /** The kernel has copied these pages of private memory, or may have. */
  populate(first: number, last: number, certain: boolean): void {
    for (let page = first; page < last; page++) {
      const shared = !this.spec.copies && !this.#detached.has(page);
      if (shared || this.#own.has(page)) continue;
      if (certain && this.spec.copies && allows(this.rightsOf(page), true)) this.#copied(page);
      else this.#maybe.add(page);
    }
  }

  /** As {@linkcode populate}, at any time until the returned function is called. */
  beginPopulate(first: number, last: number): () => void {
    const copier = [first, last] as const;
    this.#copiers.add(copier);
    this.populate(first, last, false);
    return () => {
      this.#copiers.delete(copier);
      this.populate(first, last, false);
    };
  }

  /** The kernel has dropped private copies, or zero pages; or may have. */
  drop(first: number, last: number, certain: boolean): void {
    this.changes++;
    for (let page = first; page < last; page++) {
      const own = this.#own.get(page);
      if (own === undefined) continue;
      if (!certain) this.#unknown.add(page);
      else if (own.zero) own.bytes.fill(0);
      else this.#own.delete(page);
      if (certain) this.#unknown.delete(page);
    }
    if (certain) { for (let page = first; page < last; page++) this.#maybe.delete(page); }
  }

  /** Nobody knows what may be done with its pages: only healing tells. */
  loseRights(): void {
    this.rightsLost = true;
    this.beUncertain();
  }

  /** Some of its pages were touched, and nobody knows which. */
  beUncertain(): void {
    this.changes++;
    this.uncertain = this.faultsUncertain = true;
  }

  forgetPages(first: number, last: number): void {
    this.changes++;
    for (let page = first; page < last; page++) this.#unknown.add(page);
  }

  setRights(first: number, last: number, rights: Rights): void {
    this.changes++;
    for (let page = first; page < last; page++) this.#rights.set(page, rights);
    if (this.locked) this.populate(first, last, false);
  }

  /** Private memory that can be written to is copied at once. */
  lock(first: number, last: number): void {
    this.locked = true;
    this.populate(first, last, false);
  }

  /** Every page is the object's again, but for the copies of private memory. */
  heal(): void {
    const healed = this.cutOff || this.uncertain || this.rightsLost || this.#rights.size > 0;
    // Nothing else changes what whoever uses the memory meanwhile is shown.
    if (healed) this.changes++;
    for (const [page, own] of this.#own) {
      if (own.zero || !this.spec.copies) {
        this.#own.delete(page);
        this.#unknown.delete(page);
      }
    }
    if (!this.spec.copies) this.#unknown.clear();
    this.#detached.clear();
    // What is mapped again is locked again, as the flags of its region say.
    if (this.locked && healed) this.populate(0, this.pages, false);
    this.#rights.clear();
    this.cutOff = false;
    this.uncertain = this.hammered > 0;
    this.rightsLost = false;
  }

  /** From now on a Worker touches all of it. */
  beginHammer(): void {
    this.hammered++;
    this.beUncertain();
  }

  resize(byteLength: number): void {
    this.byteLength = byteLength;
    for (const map of [this.#own, this.#rights]) {
      for (const page of map.keys()) if (page >= this.pages) map.delete(page);
    }
    for (const set of [this.#detached, this.#maybe, this.#unknown]) {
      for (const page of set) if (page >= this.pages) set.delete(page);
    }
  }

  /** Called before the object changes in its pages from `first` to `last`. */
  objectChanges(first: number, last = Infinity): void {
    for (const copier of this.#copiers) this.populate(...copier, false);
    for (const page of this.#maybe) {
      const there = this.#objectPage(page);
      if (there < first || there >= last) continue;
      this.#maybe.delete(page);
      this.#unknown.add(page);
    }
  }

  /** Truncation takes copies of file pages away too. */
  objectEnds(pages: number): void {
    for (const [page, own] of this.#own) {
      if (own.zero || this.#objectPage(page) < pages) continue;
      this.#own.delete(page);
      this.#unknown.delete(page);
    }
    for (const page of this.#maybe) if (this.#objectPage(page) >= pages) this.#maybe.delete(page);
    for (const page of this.#unknown) {
      if (this.#objectPage(page) >= pages && !this.#own.has(page)) this.#unknown.delete(page);
    }
  }

  /**
   * What a page shows, as far as it is known.
   *
   * @returns undefined if nothing is
   */
  expected(page: number): { bytes: Uint8Array; unknown: Uint8Array | undefined } | undefined {
    if (this.uncertain || this.#unknown.has(page)) return undefined;
    const own = this.#own.get(page);
    if (own !== undefined) return { bytes: own.bytes, unknown: undefined };
    const start = this.#objectPage(page) * PAGE;
    const { bytes, unknown, size, anyUnknown } = this.spec.object;
    const end = Math.min(start + PAGE, size);
    return {
      bytes: bytes.subarray(start, end),
      unknown: anyUnknown ? unknown.subarray(start, end) : undefined,
    };
  }
}

function allows(rights: Rights, write: boolean): boolean {
  return rights === "write" || (rights === "read" && !write);
}

/** A part of a range that lies in one page. */
export interface Piece {
  readonly page: number;
  /** Where it begins and ends in the page. */
  readonly from: number;
  readonly to: number;
  /** Where it begins in the range. */
  readonly at: number;
}

/** A range cut at page boundaries. */
export function* pieces(byteOffset: number, byteLength: number): Iterable<Piece> {
  const end = byteOffset + byteLength;
  for (let start = byteOffset; start < end;) {
    const page = Math.floor(start / PAGE);
    const stop = Math.min(end, (page + 1) * PAGE);
    yield { page, from: start - page * PAGE, to: stop - page * PAGE, at: start - byteOffset };
    start = stop;
  }
}
