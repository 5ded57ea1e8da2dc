/** Feature flags in shared memory: asking for one is a comparison of two numbers, and no copy. */
import { Latest } from "@mmap/mmap/channel";

/** The flags by name. */
export type FlagValues = Record<string, boolean | number | string>;

const BYTE_LENGTH = 4096; // of the JSON text, followed by zeros

/** The flags of a file. Everybody who opens it sees each change at once, and as a whole. */
export class Flags implements Disposable {
  readonly #latest: Latest;
  #version = -1;
  #values: FlagValues = {};

  /** @param path a file, which is made if it is not there; the flags stay in it */
  constructor(path: string) {
    this.#latest = Latest.create({ path, byteLength: BYTE_LENGTH });
  }

  /** What they are now. */
  get values(): FlagValues {
    const version = this.#latest.version; // first: if there is a newer one, it is read twice
    if (version !== this.#version) {
      const text = new TextDecoder().decode(this.#latest.read()).replace(/\0+$/, "");
      this.#values = text === "" ? {} : JSON.parse(text);
      this.#version = version;
    }
    return this.#values;
  }

  /** Sets all of them. @throws {RangeError} If they are too long. */
  set(values: FlagValues): void {
    const bytes = new Uint8Array(BYTE_LENGTH);
    bytes.set(new TextEncoder().encode(JSON.stringify(values)));
    this.#latest.write(bytes);
  }

  /** Waits until they are set the next time. */
  changed(): Promise<void> {
    return this.#latest.changed();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#latest.close();
  }
}
