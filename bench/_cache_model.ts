/**
 * What a cache of entries of one length should keep: S3-FIFO, with the rules of `SharedCache`, without
 * rings, shards or hashes. The reference for its hit ratios.
 */

/** The keys of a queue, the oldest first. */
class Queue {
  readonly #keys: number[] = [];
  #first = 0;

  get length(): number {
    return this.#keys.length - this.#first;
  }

  push(key: number): void {
    this.#keys.push(key);
  }

  shift(): number {
    const key = this.#keys[this.#first++]!;
    if (this.#first > 1_000_000) this.#keys.splice(0, this.#first), this.#first = 0;
    return key;
  }
}

const SMALL = 1, MAIN = 2, GHOST = 3;
const MOST_USES = 3;

/** A tenth of the entries are in the small queue. */
export class CacheModel {
  readonly #small = new Queue();
  readonly #main = new Queue();
  readonly #ghosts = new Queue();
  readonly #where = new Map<number, number>();
  readonly #uses = new Map<number, number>();
  readonly #smallest: number;
  readonly #entries: number;

  constructor(entries: number) {
    this.#entries = entries;
    this.#smallest = Math.floor(entries / 10);
  }

  /** Asks for a key, and sets it if it is not there. @returns whether it was */
  request(key: number): boolean {
    const where = this.#where.get(key);
    if (where === SMALL || where === MAIN) {
      this.#uses.set(key, Math.min(MOST_USES, this.#uses.get(key)! + 1));
      return true;
    }
    if (where === GHOST) {
      this.#enterMain(key);
    } else {
      if (this.#small.length >= this.#smallest) this.#leaveSmall();
      this.#small.push(key);
      this.#where.set(key, SMALL);
    }
    this.#uses.set(key, 0);
    return false;
  }

  #leaveSmall(): void {
    const key = this.#small.shift();
    const hasRoom = this.#main.length < this.#entries - this.#smallest;
    if (this.#uses.get(key)! > 0 || hasRoom) {
      this.#uses.set(key, 0);
      this.#enterMain(key);
      return;
    }
    this.#where.set(key, GHOST);
    this.#ghosts.push(key);
    if (this.#ghosts.length <= this.#entries) return;
    const last = this.#ghosts.shift();
    if (this.#where.get(last) === GHOST) this.#forget(last);
  }

  #enterMain(key: number): void {
    while (this.#main.length >= this.#entries - this.#smallest) {
      const last = this.#main.shift();
      const uses = this.#uses.get(last)!;
      if (uses === 0) {
        this.#forget(last);
      } else {
        this.#uses.set(last, uses - 1);
        this.#main.push(last);
      }
    }
    this.#main.push(key);
    this.#where.set(key, MAIN);
  }

  #forget(key: number): void {
    this.#where.delete(key);
    this.#uses.delete(key);
  }
}
