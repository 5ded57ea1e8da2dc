/** The table of the process as one isolate sees it; `layout.ts` has the offsets. */

import { addressOf, bufferOver } from "../memory.ts";
import { threadId as ownThread } from "../thread.ts";
import { Addresses, type Keepers } from "./addresses.ts";
import {
  BORROWED_COUNT_HALF,
  BORROWED_HALF,
  CLAIMED_HALF,
  COMPLETE_HALF,
  END_WORD,
  GENERATION_HALF,
  HEADER_BYTE_LENGTH,
  ISOLATES_HALF,
  LATE_WORD,
  LOSSES_HALF,
  MODULE_FD_HALF,
  MODULE_INODE_WORD,
  OWNER_HALF,
  PAGE_SIZE_WORD,
  PREVIOUS_WORD,
  SLOT_BYTE_LENGTH,
  SLOT_COUNT,
  slotHalf,
  slotWord,
  START_WORD,
  TABLE_BYTE_LENGTH,
  type TableMemory,
  USED_HALF,
} from "./layout.ts";
import { type GuardedRange, GuardSlot, type SlotUse } from "./slot.ts";

/** A signal's handler: an address, and the flags of `sigaction`. */
export interface Action {
  readonly handler: bigint;
  readonly flags: bigint;
}

/** What a table needs of the system. */
export interface Host {
  readonly keepers?: Keepers;
  /** The calling thread's number, as the handler knows it. */
  readonly threadId: () => number;
}

/** This isolate's view of the process's table. */
export class GuardTable implements TableMemory {
  /** 64-bit words and 32-bit halves of the same memory. */
  readonly words: BigUint64Array;
  readonly halves: Int32Array;
  /** The addresses for this isolate's mappings. */
  readonly addresses: Addresses;
  /** The address of the table, for C. */
  readonly address: number;
  /** This isolate's number among those of the process; 0 before its first slot. */
  #isolate = 0;
  /** Slots that this isolate has freed: the first places to look. */
  readonly #freed: number[] = [];
  readonly threadId: () => number;

  constructor(pointer: Deno.PointerObject, { keepers, threadId }: Host = { threadId: ownThread }) {
    const buffer = bufferOver({ pointer, byteLength: TABLE_BYTE_LENGTH });
    this.words = new BigUint64Array(buffer);
    this.halves = new Int32Array(buffer);
    this.addresses = new Addresses(this.words, keepers);
    this.threadId = threadId;
    this.address = Number(addressOf(pointer));
  }

  /** Fills the header of a new table. */
  initialize(pageSize: number): void {
    this.words[PAGE_SIZE_WORD] = BigInt(pageSize);
  }

  /** Records the handler that is called after this guard's. @param index 0: SIGBUS, 1: SIGSEGV */
  setPrevious(index: 0 | 1, { handler, flags }: Action): void {
    this.words[PREVIOUS_WORD + 2 * index] = handler;
    this.words[PREVIOUS_WORD + 2 * index + 1] = flags;
  }

  /** Whether the handler has got both signals. */
  get complete(): boolean {
    return Atomics.load(this.halves, COMPLETE_HALF) === 1;
  }

  markComplete(): void {
    Atomics.store(this.halves, COMPLETE_HALF, 1);
  }

  /** The descriptor of the module of `../store` that another isolate has left open; -1 for none. */
  get moduleFd(): number {
    return Atomics.load(this.halves, MODULE_FD_HALF) - 1; // pairs with the exchange in `keepModule`
  }

  get moduleInode(): bigint {
    return this.words[MODULE_INODE_WORD]!;
  }

  /** Keeps a module's descriptor for other isolates. @returns false if another one was quicker */
  keepModule(fd: number, inode: bigint): boolean {
    if (this.moduleFd !== -1) return false;
    this.words[MODULE_INODE_WORD] = inode;
    return Atomics.compareExchange(this.halves, MODULE_FD_HALF, 0, fd + 1) === 0;
  }

  /** How many accesses of native code to closed memory met zeros. */
  get lateAccesses(): number {
    return Number(Atomics.load(this.words, LATE_WORD));
  }

  /** The address of a slot, for C. */
  addressOfSlot(index: number): number {
    return this.address + HEADER_BYTE_LENGTH + index * SLOT_BYTE_LENGTH;
  }

  /**
   * Whether memory that was left by {@linkcode GuardSlot.abandon} still waits for its finalizer.
   */
  isHeld({ index, generation }: SlotUse): boolean {
    // Pairs with the finalizer's add: the count changes when the memory is given back.
    return Atomics.load(this.halves, slotHalf(index) + GENERATION_HALF) === generation;
  }

  /** Takes a slot that guards nothing yet. @throws {Error} If all are taken. */
  take(): GuardSlot {
    const slot = this.tryTake();
    if (slot !== undefined) return slot;
    throw new Error(
      `Cannot guard region as ${SLOT_COUNT} regions are guarded already: use guard: false`,
    );
  }

  /** As {@linkcode take}; undefined if all are taken. */
  tryTake(): GuardSlot | undefined {
    const index = this.#takeFreed() ?? this.#takeNew() ?? this.#takeAny();
    if (index === undefined) return undefined;
    this.#isolate ||= Atomics.add(this.halves, ISOLATES_HALF, 1) + 1;
    // After the claim, and cleared before it is given up: see `end_isolate`.
    Atomics.store(this.halves, slotHalf(index) + OWNER_HALF, this.#isolate);
    return new GuardSlot(this, index);
  }

  /** Gives a slot back. */
  free(index: number): void {
    Atomics.store(this.halves, slotHalf(index) + OWNER_HALF, 0);
    Atomics.store(this.halves, slotHalf(index) + CLAIMED_HALF, 0); // pairs with the exchange in #claim
    this.#freed.push(index);
  }

  /** Frees the slots that ended isolates have left on addresses that belong to the caller now. */
  freeLeft({ start, end }: GuardedRange): void {
    if (Atomics.load(this.halves, BORROWED_COUNT_HALF) === 0) return;
    const used = Atomics.load(this.halves, USED_HALF);
    for (let index = 0; index < used; index++) {
      if (Atomics.load(this.halves, slotHalf(index) + BORROWED_HALF) === 0) continue;
      const word = slotWord(index);
      const first = Atomics.load(this.words, word + START_WORD);
      if (first === 0n || first >= end || this.words[word + END_WORD]! <= start) continue;
      // Another isolate may find the same slot: one of the two frees it.
      if (Atomics.compareExchange(this.words, word + START_WORD, first, 0n) === first) {
        new GuardSlot(this, index).free();
      }
    }
  }

  /** The slot with borrowed addresses that begin there. */
  borrowedSlotAt(start: bigint): number | undefined {
    if (Atomics.load(this.halves, BORROWED_COUNT_HALF) === 0) return undefined;
    const used = Atomics.load(this.halves, USED_HALF);
    for (let index = 0; index < used; index++) {
      if (Atomics.load(this.halves, slotHalf(index) + BORROWED_HALF) === 0) continue;
      if (Atomics.load(this.words, slotWord(index) + START_WORD) === start) return index;
    }
    return undefined;
  }

  /** The losses of a slot; 0 if it has another owner now. */
  lossesOf(index: number, start: bigint): number {
    return Atomics.load(this.words, slotWord(index) + START_WORD) === start
      ? Atomics.load(this.halves, slotHalf(index) + LOSSES_HALF)
      : 0;
  }

  #takeFreed(): number | undefined {
    for (let index; (index = this.#freed.pop()) !== undefined;) {
      if (this.#claim(index)) return index;
    }
    return undefined;
  }

  #takeNew(): number | undefined {
    while (true) {
      // An exchange and not an add: the handler must never see a count beyond the table's end.
      const used = Atomics.load(this.halves, USED_HALF);
      if (used >= SLOT_COUNT) return undefined;
      if (Atomics.compareExchange(this.halves, USED_HALF, used, used + 1) !== used) continue;
      if (this.#claim(used)) return used;
    }
  }

  #takeAny(): number | undefined {
    for (let index = 0; index < SLOT_COUNT; index++) {
      if (this.#claim(index)) return index;
    }
    return undefined;
  }

  /** Whether the slot was free and is this isolate's now. Pairs with the store in `free`. */
  #claim(index: number): boolean {
    return Atomics.compareExchange(this.halves, slotHalf(index) + CLAIMED_HALF, 0, 1) === 0;
  }
}
