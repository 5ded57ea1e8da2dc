/**
 * The table of the process: what the fault guard's handler and the finalizers of buffers must know
 * about each mapping, which addresses were given to mappings, and what was absorbed.
 *
 * There is one table per process. All Workers share it with the handler and the finalizers, which
 * run on any thread at any moment. Offsets in bytes; the structs of table.h say the same:
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
 * | 116 | u32 | losses of all slots, counted before a page is replaced | handler |
 * | 120 | u32 | the same, counted after | handler |
 * | 124 | u32 | the last access that was only repeated; on macOS alone | handler |
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
 * | 100 | u32 | four times how many losses there were since it was healed; bits 0, 1: see below | handler, owner clears |
 *
 * A page is lost when it is replaced because the object could not provide it, or could not take
 * what was written. A copy after a forbidden write is not a loss. Bit 0 says that some replaced
 * pages cannot be told from the object's. Bit 1 says that lost pages became copies, which cannot be
 * told from those after a forbidden write.
 *
 * Borrowed addresses are V8's: those of a `WebAssembly.Memory`. A Worker that is terminated cannot
 * free its slots, but V8 gives the addresses of its memories to others. So the handler looks at
 * what is mapped there, and the next owner of such addresses frees the slot that was left.
 */

/** The offset of the table from the code: TABLE_OFFSET of guard.c, and the largest page size. */
export const TABLE_OFFSET = 65536;

/** The offset of the search's code from the handler's, behind all that the handler may have there. */
export const SEARCH_OFFSET = 16384;

export const HEADER_BYTE_LENGTH = 8832;
export const SLOT_BYTE_LENGTH = 104;

/** More than Linux's default limit of mappings; untouched slots take no memory. */
export const SLOT_COUNT = 262_144;

export const TABLE_BYTE_LENGTH = HEADER_BYTE_LENGTH + SLOT_COUNT * SLOT_BYTE_LENGTH;

export const PAGE_SIZE_WORD = 0;
export const USED_HALF = 2;
export const BORROWED_COUNT_HALF = 3;
export const PREVIOUS_WORD = 2;
export const LATE_WORD = 10;
export const COMPLETE_HALF = 24;
export const MODULE_FD_HALF = 25;
export const MODULE_INODE_WORD = 13;
export const ISOLATES_HALF = 28;
export const LOSSES_BEGUN_HALF = 29;
export const LOSSES_DONE_HALF = 30;

export const START_WORD = 0;
export const END_WORD = 1;
export const FILE_OFFSET_WORD = 2;
export const FAULTS_WORD = 3;
export const FIRST_FAULT_WORD = 4;
export const BUSY_HALF = 10;
export const FD_HALF = 11;
export const CLAIMED_HALF = 12;
export const ABSORBER_HALF = 13;
export const BORROWED_HALF = 14;
export const GENERATION_HALF = 15;
export const MAP_START_WORD = 8;
export const MAP_END_WORD = 9;
export const MAP_FD_HALF = 20;
export const HOLDERS_HALF = 21;
export const SLOT_PAGE_SIZE_WORD = 11;
export const OWNER_HALF = 24;
export const LOSSES_HALF = 25;

/** What one loss adds to a slot's count of losses. */
export const LOSS = 4;

/** The bit of a slot's losses that says that any page may be lost. */
export const LOSS_ANYWHERE = 1;

/** The bit of a slot's losses that says that copies may be lost pages. */
export const LOSS_COPIED = 2;

/** The tag by which macOS tells the memory that the handler puts in the place of an object's. */
export const ZEROS_TAG = 244;

/** The bit of the holders that says that the owner no longer uses the mapping. */
export const OWNER_GONE = 1 << 31;

// The words of `addresses.ts`:
export const FIRST_ADDRESS_WORD = 6;
export const NEXT_ADDRESS_WORD = 7;
export const GIVEN_END_WORD = 8;
export const LAST_ADDRESS_WORD = 9;
export const KEEPERS_WORD = 8320 / 8;
export const KEEPER_COUNT = 64;

/** The table as 64-bit words and as 32-bit halves of the same memory. */
export interface TableMemory {
  readonly words: BigUint64Array;
  readonly halves: Int32Array;
}

/** Stores a word without allocating a bigint. */
export function setWord(halves: Int32Array, word: number, value: number): void {
  halves[2 * word] = value | 0; // the lower 32 bits: both architectures are little-endian
  halves[2 * word + 1] = value / 2 ** 32;
}

/** The index of a slot's first word. */
export function slotWord(index: number): number {
  return (HEADER_BYTE_LENGTH + index * SLOT_BYTE_LENGTH) / 8;
}

/** The index of a slot's first half. */
export function slotHalf(index: number): number {
  return (HEADER_BYTE_LENGTH + index * SLOT_BYTE_LENGTH) / 4;
}
