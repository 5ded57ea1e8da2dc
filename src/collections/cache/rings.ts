/**
 * Making room in the two rings of a shard, by S3-FIFO. The lock is held.
 *
 * New entries come into the small ring. At its tail, an entry that was used moves to the main ring,
 * and so does an unused one as long as there is room; else it is pushed out, and its hash becomes a
 * ghost. Who comes back while it is a ghost comes into the main ring. At the tail of that one, an
 * entry that was used goes back to the head with one use less, and an unused one is pushed out.
 *
 * Nothing is pushed out while at least an eighth of the main ring belongs to no key: then entries go
 * back to its head until that room is found. A turn around the ring finds an eighth of it, so a byte
 * that is won costs 7 that are copied at the most.
 *
 * An entry moves in this order: its copy, the head, the slot, the old one is given up, the tail.
 * After a death in between it is there, in its old place or its new one. For that the main ring
 * always has as much room as two of the largest entries need: wherever its end lies, one fits.
 */

import { fence } from "../../wait/order.ts";
import {
  EXPIRED,
  EXPIRES,
  GIVEN_UP,
  HASH,
  HOLES,
  LARGEST,
  LEAST_UNITS,
  NEXT_LOOK,
  PAD,
  SINCE,
  UNIT,
  UNIT_LENGTH,
  UNITS,
} from "./cache_layout.ts";
import type { Counts } from "./counts.ts";
import { deadUnits, isOver } from "./dead_units.ts";
import { ghostOf } from "./ghosts.ts";
import type { Ring, Shard } from "./shard.ts";

/** Entries that are longer lose all their uses when they go back, as copying them costs more. */
const LONG_UNITS = 4096;

/** What may be pushed out to make room. */
export interface Room {
  readonly shard: Shard;
  readonly counts: Counts;
  /** False: nothing that lives. */
  readonly evict: boolean;
  /** A link to an entry that stays in any case; 0: none. It changes if the entry moves. */
  pinned: number;
}

/**
 * How many units of a ring hold no entry. One is never used, so that a full ring is not an empty one.
 * The end of the ring, if its head has left it out, counts as free: else a ring could hold less on
 * some turns than on others.
 */
function freeUnits({ memory: { words } }: Shard, ring: Ring): number {
  const used = words[ring.head]! - words[ring.tail]!;
  return ring.units - 1 - (used < 0 ? used + ring.units - words[ring.pad]! : used);
}

/** The unit of a ring where so many fit; -1 if there is none. */
function placeFor({ memory: { words } }: Shard, ring: Ring, units: number): number {
  const head = words[ring.head]!;
  const tail = words[ring.tail]!;
  if (head < tail) return units < tail - head ? head : -1;
  const end = head + units;
  if (end < ring.units || end === ring.units && tail > 0) return head;
  return units < tail ? 0 : -1;
}

/**
 * The offset for a new entry at a place that `placeFor` gave. What was there was given up when the tail
 * passed it, so readers notice that it is overwritten.
 */
function offsetAt(shard: Shard, ring: Ring, place: number): number {
  const { words, floats } = shard.memory;
  const head = words[ring.head]!;
  if (place !== head) {
    floats[entryAt(shard, ring, head) >> 1] = PAD;
    words[ring.pad] = ring.units - head;
  }
  return entryAt(shard, ring, place);
}

function entryAt(shard: Shard, ring: Ring, unit: number): number {
  return shard.data + UNIT_LENGTH * (ring.start + unit);
}

/** Moves the head behind an entry that is written. */
export function advanceHead(shard: Shard, ring: Ring, entry: number): void {
  const { words } = shard.memory;
  const unit = (entry - shard.data) / UNIT_LENGTH - ring.start;
  const end = unit + words[entry + UNITS]!;
  fence();
  if (end === ring.units) words[ring.pad] = 0;
  words[ring.head] = end === ring.units ? 0 : end;
  fence();
}

/** Begins at the start again, if there is nothing in the ring. */
function restart(shard: Shard, ring: Ring): void {
  const { words, floats } = shard.memory;
  const head = words[ring.head]!;
  if (head === 0 || head !== words[ring.tail]) return;
  // If this writer dies between the stores, the next one finds nothing from the tail to the end.
  floats[entryAt(shard, ring, head) >> 1] = PAD;
  fence();
  words[ring.head] = 0;
  fence();
  words[ring.tail] = 0;
}

/** The entry at the tail of a ring; 0 if there is none. Pads are passed. */
function tailOf(shard: Shard, ring: Ring): number {
  const { words, floats } = shard.memory;
  for (let looks = 0; looks < 3; looks++) {
    const tail = words[ring.tail]!;
    if (tail === words[ring.head]) return 0;
    const entry = entryAt(shard, ring, tail);
    if (tail <= ring.units - LEAST_UNITS && floats[entry >> 1] !== PAD) {
      if (shard.isWhole(entry, ring)) return entry;
      break;
    }
    if (tail < words[ring.head]!) break;
    words[ring.tail] = 0;
  }
  return shard.fail();
}

/** Frees the units of the entry at the tail. */
function passTail(shard: Shard, ring: Ring, entry: number): void {
  const { words } = shard.memory;
  const end = words[ring.tail]! + words[entry + UNITS]!;
  shard.giveUp(entry);
  words[ring.tail] = end === ring.units ? 0 : end;
}

/** Passes the entry at the tail if it is dead, and takes it out of the index. */
function passDead(room: Room, ring: Ring, entry: number, slot: number): boolean {
  const { shard, counts } = room;
  const { words } = shard.memory;
  const units = words[entry + UNITS]!;
  if (slot === 0) {
    if (ring === shard.main) lower(shard, HOLES, units);
  } else {
    if (!isOver(shard, entry)) return false;
    shard.unlink(slot, entry);
    counts.expired++;
    if (ring === shard.main) lower(shard, EXPIRED, units);
  }
  passTail(shard, ring, entry);
  return true;
}

function lower({ memory: { words }, control }: Shard, word: number, units: number): void {
  words[control + word] = Math.max(0, words[control + word]! - units);
}

/** The slot of an entry; 0 if it has none, and was given up. */
function slotOfTail(shard: Shard, entry: number): number {
  return shard.memory.floats[entry >> 1] === GIVEN_UP ? 0 : shard.slotOf(entry);
}

/** The slot of an entry that had one before others were moved or pushed out: it still has one. */
function slotStill(shard: Shard, entry: number): number {
  const slot = shard.slotOf(entry);
  return slot === 0 ? shard.fail() : slot;
}

/** Moves the entry at the tail of a ring to the head of one. @returns false if it does not fit */
function move(room: Room, from: Ring, to: Ring, entry: number, uses: number): boolean {
  const { shard } = room;
  const { words, bytes, floats } = shard.memory;
  const units = words[entry + UNITS]!;
  const place = placeFor(shard, to, units);
  if (place < 0) return false;
  const slot = slotStill(shard, entry);
  const copy = offsetAt(shard, to, place);
  bytes.copyWithin(4 * copy, 4 * entry, 4 * entry + UNIT * units);
  bytes[shard.useOf(copy)] = uses;
  advanceHead(shard, to, copy);
  const link = shard.linkOf(copy);
  if (room.pinned === shard.linkOf(entry)) room.pinned = link;
  shard.setSlot(slot, link);
  passTail(shard, from, entry);
  room.counts.moved++;
  if (from !== to && floats[copy + EXPIRES >> 1] !== Infinity) {
    words[shard.control + SINCE] = words[shard.control + SINCE]! + units;
  }
  return true;
}

/** Pushes the entry at the tail of a ring out. */
function pushOut(room: Room, ring: Ring, entry: number, slot: number): void {
  const { shard, counts } = room;
  const { words } = shard.memory;
  shard.unlink(slot, entry);
  if (ring === shard.small) words[ghostOf(shard, words[entry + HASH]!)] = words[entry + HASH]!;
  passTail(shard, ring, entry);
  counts.evicted++;
}

/** @throws {Deno.errors.InvalidData} If the ends of a ring do not lie in it. */
function checkEnds(shard: Shard, { head, tail, pad, units }: Ring): void {
  const { words } = shard.memory;
  const isOut = words[head]! >>> 0 >= units || words[tail]! >>> 0 >= units ||
    words[pad]! >>> 0 >= units;
  if (isOut) shard.fail();
}

/** Makes room for so many units. @returns the offset for an entry; 0 if there is no room */
export function makeRoom(room: Room, ring: Ring, units: number): number {
  const { shard } = room;
  const { words } = shard.memory;
  // Both, as what leaves the small ring may come into the main one.
  checkEnds(shard, shard.small);
  checkEnds(shard, shard.main);
  if (units > shard.largest) words[shard.control + LARGEST] = units;
  const isThere = ring === shard.main ? roomInMain(room, units) : roomInSmall(room, units);
  if (!isThere) return 0;
  restart(shard, ring);
  const place = placeFor(shard, ring, units);
  return place < 0 ? 0 : offsetAt(shard, ring, place);
}

/** The room that the small ring keeps, so that its entries can go around. */
function smallGap({ largest, small }: Shard): number {
  return 2 * Math.min(largest, small.units >> 3);
}

function roomInSmall(room: Room, units: number): boolean {
  const { shard } = room;
  const { small } = shard;
  const { bytes, words } = shard.memory;
  const most = small.units - 1 - units;
  const isFull = (): boolean =>
    placeFor(shard, small, units) < 0 ||
    freeUnits(shard, small) < units + Math.min(smallGap(shard), most);
  let turned = 0;
  while (isFull()) {
    const entry = tailOf(shard, small);
    if (entry === 0) {
      restart(shard, small);
      return placeFor(shard, small, units) >= 0;
    }
    const slot = slotOfTail(shard, entry);
    if (passDead(room, small, entry, slot)) continue;
    const length = words[entry + UNITS]!;
    const isUsed = bytes[shard.useOf(entry)]! > 0 || room.pinned === shard.linkOf(entry);
    const stays = room.evict && isUsed || mainHasRoom(room, length);
    if (stays && roomInMain(room, length) && move(room, small, shard.main, entry, 0)) continue;
    if (room.evict) {
      // Making room may have moved the entry that has the link.
      pushOut(room, small, entry, stays ? slotStill(shard, entry) : slot);
      continue;
    }
    turned += length;
    if (turned > small.units || !move(room, small, small, entry, bytes[shard.useOf(entry)]!)) {
      return false;
    }
  }
  return true;
}

/** The room that is needed for so many units and to go on after that. */
function neededInMain({ largest }: Shard, units: number): number {
  return units + 2 * largest;
}

/** Whether the main ring has room, or an eighth of it could be won. */
function mainHasRoom(room: Room, units: number): boolean {
  const { shard } = room;
  const { main } = shard;
  const missing = neededInMain(shard, units) - freeUnits(shard, main);
  if (missing <= 0) return true;
  if (room.evict) return deadUnits(shard, false) >= Math.max(missing, main.units >> 3);
  return deadUnits(shard, false) >= missing || deadUnits(shard, true) >= missing;
}

function roomInMain(room: Room, units: number): boolean {
  const { shard } = room;
  const { main } = shard;
  const { bytes, words } = shard.memory;
  const needed = neededInMain(shard, units);
  if (freeUnits(shard, main) >= needed) return true;
  let keeps = mainHasRoom(room, units);
  if (!keeps && !room.evict) return false;
  let turned = 0;
  while (freeUnits(shard, main) < needed) {
    const entry = tailOf(shard, main);
    if (entry === 0) break;
    const slot = slotOfTail(shard, entry);
    if (passDead(room, main, entry, slot)) continue;
    const length = words[entry + UNITS]!;
    turned += length;
    // Two turns push out all but what is pinned, which leaves room unless its length is wrong.
    if (turned > 3 * main.units) shard.fail();
    if (keeps && turned > main.units) {
      // It was less than the counts said: they are set right at the next look.
      shard.memory.floats[shard.control + NEXT_LOOK >> 1] = 0;
      if (!room.evict) return false;
      keeps = false;
    }
    const uses = bytes[shard.useOf(entry)]!;
    const stays = keeps || room.pinned === shard.linkOf(entry) ||
      uses > 0 && turned <= main.units >> 3;
    const left = keeps ? uses : length > LONG_UNITS ? 0 : uses - 1;
    if (stays && move(room, main, main, entry, Math.max(0, left))) continue;
    if (!room.evict) return false;
    pushOut(room, main, entry, slot);
  }
  return true;
}
