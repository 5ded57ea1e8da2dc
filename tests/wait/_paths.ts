/** Depth-first search through the choices of a deterministic run. */

/** Follows one path of choices after the other, until all were taken. */
export class Paths {
  /** The choice at each depth, and of how many. */
  readonly #taken: { choice: number; readonly width: number }[] = [];
  #depth = 0;

  /** Whether this run has left the path of the one before it. */
  get isNew(): boolean {
    return this.#depth === this.#taken.length;
  }

  /** The choice that this run makes here, of `width`. */
  pick(width: number): number {
    if (this.isNew) this.#taken.push({ choice: 0, width });
    const { choice, width: before } = this.#taken[this.#depth++]!;
    if (width !== before) throw new Error("The run is not deterministic");
    return choice;
  }

  /** Goes back to the beginning, for a run along another path. @returns false after the last one */
  advance(): boolean {
    this.restart();
    while (this.#taken.length > 0) {
      const last = this.#taken.at(-1)!;
      if (++last.choice < last.width) return true;
      this.#taken.pop();
    }
    return false;
  }

  /** Goes back to the beginning of the same path. */
  restart(): void {
    this.#taken.length = this.#depth; // what lies deeper is of an earlier run
    this.#depth = 0;
  }
}

/** Two hashes at once, which together are as good as never the same by chance. */
export class Digest {
  #first = 0x811c9dc5;
  #second = 0x9e3779b9;

  add(value: number): void {
    this.#first = Math.imul(this.#first ^ value, 0x01000193) ^ (this.#first >>> 15);
    this.#second = Math.imul(this.#second ^ (value + 0x7f4a7c15), 0x85ebca6b) ^
      (this.#second >>> 13);
  }

  /** Whatever a step can give. */
  addResult(value: unknown): void {
    if (typeof value === "number") return this.add(value);
    for (const character of `${value}`) this.add(character.codePointAt(0)!);
  }

  addAll({ first, second }: { first: number; second: number }): void {
    this.add(first);
    this.add(second);
  }

  get first(): number {
    return this.#first;
  }

  get second(): number {
    return this.#second;
  }

  /** 53 bits of it. */
  get value(): number {
    return (this.#first >>> 0) * 2 ** 21 + (this.#second >>> 11);
  }
}
