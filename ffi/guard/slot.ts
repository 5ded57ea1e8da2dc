/** One slot of the process's table: the memory of one mapping. */

import {
  ABSORBER_HALF,
  BORROWED_COUNT_HALF,
  BORROWED_HALF,
  BUSY_HALF,
  END_WORD,
  FAULTS_WORD,
  FD_HALF,
  FILE_OFFSET_WORD,
  FIRST_FAULT_WORD,
  GENERATION_HALF,
  HOLDERS_HALF,
  LOSSES_HALF,
  MAP_END_WORD,
  MAP_FD_HALF,
  MAP_START_WORD,
  OWNER_GONE,
  setWord,
  SLOT_PAGE_SIZE_WORD,
  slotHalf,
  slotWord,
  START_WORD,
  type TableMemory,
} from "./layout.ts";

/** What a slot guards. */
export interface GuardedRange {
  readonly start: bigint;
  /** A multiple of the page size. */
  readonly end: bigint;
  /** The object of a shared mapping; -1 for private memory. */
  readonly fd: number;
  readonly fileOffset: bigint;
  readonly pageSize: bigint;
  /** Whether the addresses are V8's, which may give them to others when this isolate ends. */
  readonly borrowed: boolean;
}

/** A whole mapping, and the descriptor that is closed with it; -1 if there is no descriptor. */
interface OwnedMapping {
  readonly start: number;
  readonly end: number;
  readonly fd: number;
}

/** One use of a slot: `generation` counts the earlier uses. */
export interface SlotUse {
  readonly index: number;
  readonly generation: number;
}

/** The table, as its slots see it. */
interface SlotTable extends TableMemory {
  addressOfSlot(index: number): number;
  /** The calling thread's number. */
  threadId(): number;
  /** Takes a slot back. */
  free(index: number): void;
  /** Frees the slots that ended isolates have left on addresses that belong to the caller now. */
  freeLeft(range: GuardedRange): void;
}

/** One slot, owned by this isolate. */
export class GuardSlot {
  readonly #table: SlotTable;
  readonly #index: number;
  readonly #word: number;

  constructor(table: SlotTable, index: number) {
    this.#table = table;
    this.#index = index;
    this.#word = slotWord(index);
  }

  /** Faults that the handler has absorbed in this slot's range. */
  get faults(): number {
    return Number(Atomics.load(this.#table.words, this.#word + FAULTS_WORD));
  }

  /** Whether there are none. This makes no bigint; it may miss 2 ** 32 of them. */
  get faultless(): boolean {
    return this.#table.halves[2 * (this.#word + FAULTS_WORD)] === 0;
  }

  /** How far behind the range's start the first fault was; undefined if there was none. */
  get firstFault(): number | undefined {
    const first = Atomics.load(this.#table.words, this.#word + FIRST_FAULT_WORD);
    return first === 0n ? undefined : Number(first) - 1;
  }

  /** The losses since the last `clearFaults`; see `layout.ts`. */
  get losses(): number {
    return Atomics.load(this.#table.halves, slotHalf(this.#index) + LOSSES_HALF);
  }

  /** Clears the losses and the first fault, so that the next one counts as the first. */
  clearFaults(): void {
    Atomics.store(this.#table.words, this.#word + FIRST_FAULT_WORD, 0n);
    Atomics.store(this.#table.halves, slotHalf(this.#index) + LOSSES_HALF, 0);
  }

  /** The address of the slot, for C. */
  get address(): number {
    return this.#table.addressOfSlot(this.#index);
  }

  /** Adds a new buffer over the mapping to the count; its finalizer subtracts it. */
  addHolder(): void {
    Atomics.add(this.#table.halves, slotHalf(this.#index) + HOLDERS_HALF, 1);
  }

  /** Subtracts a buffer that could not be made. */
  removeHolder(): void {
    Atomics.sub(this.#table.halves, slotHalf(this.#index) + HOLDERS_HALF, 1);
  }

  /** Whether somebody still uses a buffer over the mapping. */
  get used(): boolean {
    return Atomics.load(this.#table.halves, slotHalf(this.#index) + HOLDERS_HALF) !== 0;
  }

  /** Records what is given back with the slot if this isolate ends before it closes the mapping. */
  describe({ start, end, fd }: OwnedMapping): void {
    const { halves } = this.#table;
    setWord(halves, this.#word + MAP_START_WORD, start);
    setWord(halves, this.#word + MAP_END_WORD, end);
    halves[slotHalf(this.#index) + MAP_FD_HALF] = fd;
  }

  /**
   * Leaves the mapping, its descriptor and the slot to whoever still uses the memory: the last
   * finalizer gives them back.
   *
   * @returns undefined if nobody uses it any more: then all three still belong to the caller
   */
  abandon(mapping: OwnedMapping): SlotUse | undefined {
    const { halves } = this.#table;
    const half = slotHalf(this.#index);
    const { fd } = mapping;
    this.describe(mapping);
    if (halves[half + FD_HALF] !== -1) halves[half + FD_HALF] = fd;
    const use = { index: this.#index, generation: Atomics.load(halves, half + GENERATION_HALF) };
    // Pairs with the finalizer's subtraction: if that comes last, it must see the stores above.
    if (Atomics.or(halves, half + HOLDERS_HALF, OWNER_GONE) !== 0) return use;
    Atomics.store(halves, half + HOLDERS_HALF, 0);
    return undefined;
  }

  /** Guards a range, which must be mapped. */
  begin(range: GuardedRange): void {
    const { words } = this.#table;
    words[this.#word + END_WORD] = range.end;
    words[this.#word + SLOT_PAGE_SIZE_WORD] = range.pageSize;
    this.setSource(range.fd, range.fileOffset);
    this.#table.freeLeft(range);
    if (range.borrowed) this.#setBorrowed(1);
    // Last, and atomic: a handler that sees the start must see the rest too.
    Atomics.store(words, this.#word + START_WORD, range.start);
  }

  /** Has the handler map from another object than before. Nobody may change mappings meanwhile. */
  setSource(fd: number, fileOffset: bigint): void {
    this.#table.words[this.#word + FILE_OFFSET_WORD] = fileOffset;
    this.#table.halves[slotHalf(this.#index) + FD_HALF] = fd;
  }

  /**
   * 1 or 0. The count changes before the flag is set, and after it is cleared: whoever sees the
   * flag must see the count too.
   */
  #setBorrowed(value: number): void {
    const { halves } = this.#table;
    const half = slotHalf(this.#index) + BORROWED_HALF;
    if (value === 1) Atomics.add(halves, BORROWED_COUNT_HALF, 1);
    const old = Atomics.exchange(halves, half, value);
    if (old === 1) Atomics.sub(halves, BORROWED_COUNT_HALF, 1);
  }

  /**
   * Changes mappings of the range while no handler does; a thread that faults there meanwhile
   * retries. Otherwise both could put a page there, and one would replace the other's.
   */
  alone(change: () => void): void {
    const { halves } = this.#table;
    const half = slotHalf(this.#index) + ABSORBER_HALF;
    // This thread's own number, so that its own faults in between are absorbed. Pairs with the
    // handler's exchange.
    const self = this.#table.threadId();
    while (Atomics.compareExchange(halves, half, 0, self) !== 0);
    try {
      change();
    } finally {
      Atomics.store(halves, half, 0);
    }
  }

  /** Stops guarding. When this returns, no handler works on the range. */
  end(): void {
    Atomics.store(this.#table.words, this.#word + START_WORD, 0n);
    // The handler raises `busy` and then looks at the start again: one of the two sees the other.
    // It makes a few system calls at most, so this wait is short.
    while (Atomics.load(this.#table.halves, slotHalf(this.#index) + BUSY_HALF) !== 0);
  }

  /** Stops guarding and gives the slot back. @returns how many faults it absorbed */
  free(): number {
    this.end();
    const faults = this.faults;
    this.#setBorrowed(0);
    // A Worker may have been terminated in the middle of `alone`.
    this.#table.halves[slotHalf(this.#index) + ABSORBER_HALF] = 0;
    this.#table.words[this.#word + FAULTS_WORD] = 0n;
    this.clearFaults();
    this.#table.words[this.#word + MAP_END_WORD] = 0n;
    this.#table.free(this.#index);
    return faults;
  }
}
