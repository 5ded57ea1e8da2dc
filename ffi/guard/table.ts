/**
 * The process's table: what the fault guard's handler and the buffers' finalizers must know of each
 * mapping, which addresses were given to mappings, and what was absorbed.
 *
 * One table per process, shared by all Workers, by the handler, which runs on any thread at any
 * moment, and by the finalizers, which do so too. Offsets in bytes; the structs of table.h say the
 * same:
 *
 * | header | type | what | written by |
 * |---|---|---|---|
 * | 0 | u64 | page size | installer, once |
 * | 8 | u32 | slots below this index were taken at least once | who takes a new slot |
 * | 12 | u32 | slots in use whose addresses are borrowed | who begins and ends them |
 * | 16 | u64, u64 | SIGBUS: the handler that was there before, its flags | installer, once |
 * | 32 | u64, u64 | SIGSEGV: the same | installer, once |
 * | 48 | u64 | the lowest address that mappings are given; 0: the system chooses | installer, once |
 * | 56 | u64 | where the next part of them begins, see `addresses.ts` | who takes it |
 * | 64 | u64 | behind the highest address that was given so far | who takes a part |
 * | 72 | u64 | behind the highest address that may be given | installer, once |
 * | 80 | u64 | accesses to closed memory that met zeros | handler |
 * | 88 | u32, u32 | the next late page to make room, the thread that changes them | handler |
 * | 96 | u32 | 1: the handler has got both signals | installer |
 * | 100 | u32 | 1 + the descriptor of the module of `../store`; 0: none | who loads it first |
 * | 104 | u64 | what that is of: its inode | who loads it first |
 * | 112 | u32 | how many isolates there were that had mappings | each, once |
 * | 128 | u64, 1024 times | the late pages: zeros where native code came too late | handler |
 * | 8320 | u64, 64 times | the keepers, see `addresses.ts`; 0: none | who maps |
 * | 8832 | | the slots, 104 bytes each | |
 *
 * | slot | type | what | written by |
 * |---|---|---|---|
 * | 0 | u64 | first guarded address; 0: nothing is guarded | owner; last of all when it begins |
 * | 8 | u64 | behind the last guarded address | owner |
 * | 16 | u64 | where the first address lies in the file | owner |
 * | 24 | u64 | faults absorbed | handler adds, owner clears |
 * | 32 | u64 | 1 + distance of the first fault from the first address; 0: none | handler, owner clears |
 * | 40 | u32 | handlers at work in this slot | handler |
 * | 44 | i32 | descriptor of a shared object; -1: private memory | owner |
 * | 48 | u32 | 1: taken by an isolate | who takes and frees it |
 * | 52 | u32 | thread that changes mappings of the range now; 0: none | handler, owner |
 * | 56 | u32 | 1: the addresses are borrowed | owner |
 * | 60 | u32 | counts the uses of the slot | finalizer |
 * | 64 | u64, u64 | the whole mapping, for the finalizer to unmap: its start, and its end | owner |
 * | 80 | i32 | the descriptor that goes with the mapping; -1: none | owner |
 * | 84 | u32 | buffers over the mapping that somebody still uses; bit 31: the owner is through | owner, finalizer |
 * | 88 | u64 | the size of the range's pages | owner |
 * | 96 | u32 | the number of the isolate that has the slot; 0: none | owner, finalizer |
 *
 * Borrowed addresses are V8's: those of a `WebAssembly.Memory`. A Worker that is terminated cannot
 * free its slots, but V8 gives the addresses of its memories to others. So the handler looks at what
 * is mapped there, and whoever guards such addresses anew frees the slot that was left.
 */

import { addressOf, bufferOver } from "../memory.ts";
import { threadId } from "../thread.ts";
import { Addresses } from "./addresses.ts";

export const HEADER_BYTE_LENGTH = 8832;
export const SLOT_BYTE_LENGTH = 104;

/** More than Linux's default limit of mappings; untouched slots take no memory. */
export const SLOT_COUNT = 262_144;

export const TABLE_BYTE_LENGTH = HEADER_BYTE_LENGTH + SLOT_COUNT * SLOT_BYTE_LENGTH;

const PAGE_SIZE_WORD = 0;
const USED_HALF = 2;
const BORROWED_COUNT_HALF = 3;
const PREVIOUS_WORD = 2;
const LATE_WORD = 10;
const COMPLETE_HALF = 24;
const MODULE_FD_HALF = 25;
const MODULE_INODE_WORD = 13;
const ISOLATES_HALF = 28;

const START_WORD = 0;
const END_WORD = 1;
const FILE_OFFSET_WORD = 2;
const FAULTS_WORD = 3;
const FIRST_FAULT_WORD = 4;
const BUSY_HALF = 10;
const FD_HALF = 11;
const CLAIMED_HALF = 12;
const ABSORBER_HALF = 13;
const BORROWED_HALF = 14;
const GENERATION_HALF = 15;
const MAP_START_WORD = 8;
const MAP_END_WORD = 9;
const MAP_FD_HALF = 20;
const HOLDERS_HALF = 21;
const SLOT_PAGE_SIZE_WORD = 11;
const OWNER_HALF = 24;

/** The bit of the holders that says that the owner is through with the mapping. */
const OWNER_GONE = 1 << 31;

/** What a slot guards. */
interface GuardedRange {
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

/** A whole mapping, and the descriptor that goes with it; -1 for none. */
interface OwnedMapping {
  readonly start: number;
  readonly end: number;
  readonly fd: number;
}

/** A signal's handler: an address, and the flags of `sigaction`. */
export interface Action {
  readonly handler: bigint;
  readonly flags: bigint;
}

/** This isolate's view of the process's table. */
export class GuardTable {
  /** 64-bit words and 32-bit halves of the same memory. */
  readonly words: BigUint64Array;
  readonly halves: Int32Array;
  /** What this isolate's mappings are given. */
  readonly addresses: Addresses;
  /** Where it lies, for C. */
  readonly address: number;
  /** This isolate's number among those of the process; 0 as long as it had no slot. */
  #isolate = 0;
  /** Slots that this isolate has freed: the first places to look. */
  readonly #freed: number[] = [];

  constructor(pointer: Deno.PointerObject) {
    const buffer = bufferOver({ pointer, byteLength: TABLE_BYTE_LENGTH });
    this.words = new BigUint64Array(buffer);
    this.halves = new Int32Array(buffer);
    this.addresses = new Addresses(this.words);
    this.address = Number(addressOf(pointer));
  }

  /** Fills the header of a new table. */
  initialize(pageSize: number): void {
    this.words[PAGE_SIZE_WORD] = BigInt(pageSize);
  }

  /** Notes whose turn it is after this guard's handler. @param index 0: SIGBUS, 1: SIGSEGV */
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

  /** Accesses of native code to closed memory that met zeros. */
  get lateAccesses(): number {
    return Number(Atomics.load(this.words, LATE_WORD));
  }

  /** Where a slot lies, for C. */
  addressOfSlot(index: number): number {
    return this.address + HEADER_BYTE_LENGTH + index * SLOT_BYTE_LENGTH;
  }

  /** Whether a slot's memory still waits for its finalizer since it was {@linkcode GuardSlot.abandon}ed. */
  isHeld({ index, generation }: SlotUse): boolean {
    // Pairs with the finalizer's add: the count moves on when the memory is given back.
    return Atomics.load(this.halves, slotHalf(index) + GENERATION_HALF) === generation;
  }

  /** Takes a slot that guards nothing yet. @throws {Error} If there is none left. */
  take(): GuardSlot {
    const slot = this.tryTake();
    if (slot !== undefined) return slot;
    throw new Error(
      `Cannot guard region as ${SLOT_COUNT} are guarded already: use guard: false`,
    );
  }

  /** As {@linkcode take}; undefined if there is none left. */
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

  /** Frees the slots that dead isolates have left on addresses which are the caller's now. */
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

/** Without a bigint, which would have to be made first. */
function setWord(halves: Int32Array, word: number, value: number): void {
  halves[2 * word] = value | 0; // the lower 32 bits: both architectures are little-endian
  halves[2 * word + 1] = value / 2 ** 32;
}

function slotWord(index: number): number {
  return (HEADER_BYTE_LENGTH + index * SLOT_BYTE_LENGTH) / 8;
}

function slotHalf(index: number): number {
  return (HEADER_BYTE_LENGTH + index * SLOT_BYTE_LENGTH) / 4;
}

/** One use of a slot: its number counts the uses before. */
export interface SlotUse {
  readonly index: number;
  readonly generation: number;
}

/** One slot, owned by this isolate. */
export class GuardSlot {
  readonly #table: GuardTable;
  readonly #index: number;
  readonly #word: number;

  constructor(table: GuardTable, index: number) {
    this.#table = table;
    this.#index = index;
    this.#word = slotWord(index);
  }

  /** Faults that the handler has absorbed in this slot's range. */
  get faults(): number {
    return Number(Atomics.load(this.#table.words, this.#word + FAULTS_WORD));
  }

  /** How far behind the range's start the first fault was; undefined if there was none. */
  get firstFault(): number | undefined {
    const first = Atomics.load(this.#table.words, this.#word + FIRST_FAULT_WORD);
    return first === 0n ? undefined : Number(first) - 1;
  }

  /** Forgets the first fault, so that the next one is the first. */
  clearFirstFault(): void {
    Atomics.store(this.#table.words, this.#word + FIRST_FAULT_WORD, 0n);
  }

  /** Where the slot lies, for C. */
  get address(): number {
    return this.#table.addressOfSlot(this.#index);
  }

  /** Counts a new buffer over the mapping; its finalizer counts it off. */
  addHolder(): void {
    Atomics.add(this.#table.halves, slotHalf(this.#index) + HOLDERS_HALF, 1);
  }

  /** Counts a buffer off that was not made after all. */
  removeHolder(): void {
    Atomics.sub(this.#table.halves, slotHalf(this.#index) + HOLDERS_HALF, 1);
  }

  /** Whether somebody still uses a buffer over the mapping. */
  get used(): boolean {
    return Atomics.load(this.#table.halves, slotHalf(this.#index) + HOLDERS_HALF) !== 0;
  }

  /** Says what is to be given back with the slot, should this isolate end before it closes it. */
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
   * @returns undefined if nobody uses it any more: then all three stay the caller's
   */
  abandon(mapping: OwnedMapping): SlotUse | undefined {
    const { halves } = this.#table;
    const half = slotHalf(this.#index);
    const { fd } = mapping;
    this.describe(mapping);
    if (halves[half + FD_HALF] !== -1) halves[half + FD_HALF] = fd;
    const use = { index: this.#index, generation: Atomics.load(halves, half + GENERATION_HALF) };
    // Pairs with the finalizer's subtraction, which must see what stands above if it comes last.
    if (Atomics.or(halves, half + HOLDERS_HALF, OWNER_GONE) !== 0) return use;
    Atomics.store(halves, half + HOLDERS_HALF, 0);
    return undefined;
  }

  /** Guards a range, which must be mapped. */
  begin(range: GuardedRange): void {
    const { words, halves } = this.#table;
    words[this.#word + END_WORD] = range.end;
    words[this.#word + FILE_OFFSET_WORD] = range.fileOffset;
    words[this.#word + SLOT_PAGE_SIZE_WORD] = range.pageSize;
    halves[slotHalf(this.#index) + FD_HALF] = range.fd;
    this.#table.freeLeft(range);
    if (range.borrowed) this.#setBorrowed(1);
    // Last, and atomic: a handler that sees the start must see the rest too.
    Atomics.store(words, this.#word + START_WORD, range.start);
  }

  /** 1 or 0. The count first, and last: whoever sees a slot must see the count too. */
  #setBorrowed(value: number): void {
    const { halves } = this.#table;
    const half = slotHalf(this.#index) + BORROWED_HALF;
    if (value === 1) Atomics.add(halves, BORROWED_COUNT_HALF, 1);
    const old = Atomics.exchange(halves, half, value);
    if (old === 1) Atomics.sub(halves, BORROWED_COUNT_HALF, 1);
  }

  /**
   * Changes mappings of the range while no handler does; a thread that faults there meanwhile looks
   * again. Two of them could each put a page there, and one would take the other's away.
   */
  alone(change: () => void): void {
    const { halves } = this.#table;
    const half = slotHalf(this.#index) + ABSORBER_HALF;
    // This thread's own number: its own faults in between are absorbed. Pairs with the handler's
    // exchange, which waits in no other way either.
    const self = threadId();
    while (Atomics.compareExchange(halves, half, 0, self) !== 0);
    try {
      change();
    } finally {
      Atomics.store(halves, half, 0);
    }
  }

  /** Guards nothing any more. When this returns, no handler works on the range. */
  end(): void {
    Atomics.store(this.#table.words, this.#word + START_WORD, 0n);
    // The handler raises `busy` and then looks at the start again: one of the two sees the other.
    // It makes a few system calls at most, so this wait is short.
    while (Atomics.load(this.#table.halves, slotHalf(this.#index) + BUSY_HALF) !== 0);
  }

  /** Ends and gives the slot back. @returns the faults that it absorbed */
  free(): number {
    this.end();
    const faults = this.faults;
    this.#setBorrowed(0);
    // A Worker may have been terminated in the middle of `alone`.
    this.#table.halves[slotHalf(this.#index) + ABSORBER_HALF] = 0;
    this.#table.words[this.#word + FAULTS_WORD] = 0n;
    this.#table.words[this.#word + FIRST_FAULT_WORD] = 0n;
    this.#table.words[this.#word + MAP_END_WORD] = 0n;
    this.#table.free(this.#index);
    return faults;
  }
}
