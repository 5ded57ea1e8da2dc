/** Decoded values that an isolate keeps beside a cache, by their keys. */

/** A decoded value, and the version of the entry that it is of. */
interface LocalValue<T> {
  readonly version: number;
  readonly value: T;
}

/** A few values: the ones that came first go first. They are valid as long as their version is. */
export class LocalValues<T> {
  readonly #most: number;
  readonly #values: Map<string, LocalValue<T>> = new Map();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: unknown): LocalValue<T> | undefined {
    return typeof key === "string" ? this.#values.get(key) : undefined;
  }

  set(key: unknown, version: number, value: T): void {
    if (typeof key !== "string") return;
    const values = this.#values;
    if (values.size >= this.#most && !values.has(key)) {
      for (const first of values.keys()) {
        values.delete(first);
        break;
      }
    }
    values.set(key, { version, value });
  }
}
