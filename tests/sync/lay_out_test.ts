/** Layouts: named places in a region, with a table in front that says what is where. */

import { formatHandle, MmapRegion } from "@mmap/mmap";
import {
  Barrier,
  Condition,
  Futex,
  layOut,
  type LayoutShape,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedEvent,
} from "@mmap/mmap/sync";
import { array, f64, i32, struct } from "@mmap/mmap/struct";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { RegionWords } from "../../src/wait/region_words.ts";
import { RobustWord } from "../../src/wait/robust_word.ts";
import { KILLED, resultOf, runChild } from "../_child.ts";
import { makeSparseFile, withTempDir } from "../_files.ts";
import { countDescriptors } from "../_process.ts";
import { Shared } from "./_layout_peer.ts";

const PEER = new URL("./_layout_peer.ts", import.meta.url);
const { InvalidData, BadResource } = Deno.errors;

const Point = struct({ x: i32, y: i32 });
/** One of each kind. */
const ALL = {
  futex: Futex,
  mutex: Mutex,
  rw: RwLock,
  permits: Semaphore,
  changed: Condition,
  start: [Barrier, 3],
  ready: SharedEvent,
  token: [SharedEvent, { autoReset: true }],
  once: Once,
  "a point": Point,
  points: array(Point, 5),
  "größe": array(f64, 1024),
} as const;

/** A part as the table tells of it. */
interface Row {
  readonly name: string;
  readonly type: string;
  readonly kind: number;
  readonly detail: number;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Reads the table as a program would that knows nothing but its documentation. */
function readTable(bytes: Uint8Array): { byteLength: number; rows: Row[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (start: number, length: number): string =>
    new TextDecoder().decode(bytes.slice(start, start + length));
  assertEquals([text(0, 8), view.getUint32(16, true)], ["mmaplayo", 1]);
  const count = view.getUint32(20, true);
  let at = 64 + 32 * count;
  const next = (length: number): string => text((at += length) - length, length);
  const rows = Array.from({ length: count }, (_, i) => {
    const part = 64 + 32 * i;
    const name = next(view.getUint32(part + 24, true));
    return {
      name,
      type: next(view.getUint32(part + 28, true)),
      kind: view.getUint32(part + 16, true),
      detail: view.getUint32(part + 20, true),
      byteOffset: Number(view.getBigUint64(part, true)),
      byteLength: Number(view.getBigUint64(part + 8, true)),
    };
  });
  return { byteLength: Number(view.getBigUint64(24, true)), rows };
}

Deno.test("layOut() writes a table of names, kinds and places that do not overlap", () => {
  const layout = layOut(ALL);
  using shared = layout.create();
  const { byteLength, rows } = readTable(shared.region.bytes);
  assertEquals([byteLength, byteLength % 64], [layout.byteLength, 0]);
  assertEquals(rows.map(({ name }) => name), Object.keys(ALL));
  assertEquals(rows.map(({ kind }) => kind), [1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 10]);
  assertEquals(rows.map(({ detail }) => detail), [0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0]);
  assertEquals(rows.at(-1)!.type, "f64[1024]");
  assertEquals(rows.map((row) => row.byteLength), [
    Futex.byteLength,
    Mutex.byteLength,
    RwLock.byteLength,
    Semaphore.byteLength,
    Condition.byteLength,
    Barrier.byteLength,
    SharedEvent.byteLength,
    SharedEvent.byteLength,
    Once.byteLength,
    8,
    40,
    8192,
  ]);
  let end = 64 + 32 * rows.length + rows.reduce((sum, row) => sum + row.type.length, 0);
  for (const row of rows) {
    assertEquals(row.byteOffset % 64, 0);
    assert(row.byteOffset >= end, `${row.name} at ${row.byteOffset}, after ${end}`);
    end = row.byteOffset + row.byteLength;
  }
  assert(end <= byteLength);
});

Deno.test("layOut().create() gives each name the object that is at its place", () => {
  using shared = layOut(ALL).create();
  const { rows } = readTable(shared.region.bytes);
  const at = (name: string): number => rows.find((row) => row.name === name)!.byteOffset;
  const { region } = shared;
  using _guard = shared.mutex.lockSync();
  assert(new Mutex(region, at("mutex")).locked);
  shared.futex.store(7);
  assertEquals(new Futex(region, at("futex")).load(), 7);
  shared.permits.release(4);
  assertEquals(new Semaphore(region, at("permits")).count, 4);
  shared["a point"].y = 5;
  assertEquals(Point.at(region, at("a point")).get(), { x: 0, y: 5 });
  shared.points.at(4).x = 9;
  assertEquals([...shared.points.column("x")], [0, 0, 0, 0, 9]);
  shared["größe"][1023] = 1.5;
  assertEquals(region.dataView().getFloat64(at("größe") + 1023 * 8, true), 1.5);
  shared.token.set();
  shared.token.waitSync();
  assert(!shared.token.isSet);
});

Deno.test("layOut().create() joins the same layout, at any multiple of 64", () => {
  const layout = layOut(ALL);
  using region = MmapRegion.anonymous(layout.byteLength + 192);
  using one = layout.create(region, 192);
  one.futex.store(3);
  for (const other of [layout.create(region, 192), layOut({ ...ALL }).attach(region, 192)]) {
    assertEquals(other.futex.load(), 3);
    other.close();
  }
  assert(!region.closed);
  assertThrows(() => layout.create(region, 32), RangeError, "64");
  assertThrows(() => layout.create(region, 256), RangeError, `takes ${layout.byteLength} bytes`);
});

const BASE = {
  mutex: Mutex,
  start: [Barrier, 3],
  ready: SharedEvent,
  hits: array(f64, 8),
} as const;
const OTHERS: Record<string, LayoutShape> = {
  "another name": { lock: Mutex, start: [Barrier, 3], ready: SharedEvent, hits: array(f64, 8) },
  "another order": { start: [Barrier, 3], mutex: Mutex, ready: SharedEvent, hits: array(f64, 8) },
  "another kind": { ...BASE, mutex: Once },
  "another number of parties": { ...BASE, start: [Barrier, 4] },
  "another way of an event": { ...BASE, ready: [SharedEvent, { autoReset: true }] },
  "another length": { ...BASE, hits: array(f64, 7) },
  "another type": { ...BASE, hits: array(struct({ x: f64 }), 8) },
  "a part more": { ...BASE, more: Mutex },
  "a part less": { mutex: Mutex, start: [Barrier, 3], ready: SharedEvent },
};

for (const [difference, shape] of Object.entries(OTHERS)) {
  Deno.test(`layOut() refuses a layout with ${difference}, and changes nothing`, () => {
    const layout = layOut(BASE);
    using region = MmapRegion.anonymous(8192);
    layout.create(region).hits[7] = 1;
    using exact = layout.create();
    for (const there of [region, exact.region]) {
      const before = there.bytes.slice();
      assertThrows(() => layOut(shape).create(there), InvalidData, "another layout");
      assertThrows(() => layOut(shape).attach(there), InvalidData, "another layout");
      assertEquals(there.bytes, before);
    }
  });
}

Deno.test("layOut().create() refuses memory that is not all zeros, and changes nothing", () => {
  const layout = layOut(BASE);
  for (const at of [4, 20, 100, 400, layout.byteLength - 1]) {
    using region = MmapRegion.anonymous(8192);
    region.bytes[at] = 0xee;
    const before = region.bytes.slice();
    assertThrows(() => layout.create(region), InvalidData, "zeros");
    assertThrows(() => layout.attach(region), InvalidData, "no layout");
    assertEquals(region.bytes, before);
  }
  using region = MmapRegion.anonymous(8192);
  region.bytes[layout.byteLength] = 1; // is not the layout's
  layout.create(region);
});

Deno.test("layOut().attach() refuses zeros, and what is too short", () => {
  const layout = layOut(BASE);
  using small = layOut({ mutex: Mutex }).create(); // shorter than the other's table
  assertThrows(() => layout.attach(small.region), InvalidData, "another layout");
  using region = MmapRegion.anonymous(8192);
  assertThrows(() => layout.attach(region), InvalidData, "no layout");
  assertEquals(region.bytes.findIndex((byte) => byte !== 0), -1);
  using short = MmapRegion.anonymous(layout.byteLength - 1);
  assertThrows(() => layout.create(short), RangeError, `takes ${layout.byteLength} bytes`);
});

Deno.test("A layout closes the region that it opened, and leaves that of the caller open", () => {
  const layout = layOut({ futex: Futex, point: Point });
  const own = layout.create();
  const attached = layout.attach(own.region.handle());
  const byText = layout.attach(formatHandle(own.region.handle()));
  own.futex.store(5);
  assertEquals([attached.futex.load(), byText.futex.load()], [5, 5]);
  for (const each of [own, attached, byText]) {
    each.close();
    each[Symbol.dispose]();
    assert(each.region.closed);
    assertThrows(() => each.futex.load(), BadResource);
    assertThrows(() => each.point.x, TypeError);
  }
  using region = MmapRegion.anonymous(8192);
  layout.create(region).close();
  assert(!region.closed);
});

Deno.test("layOut() refuses memory that it cannot use, before anything changes", () => {
  const layout = layOut({ mutex: Mutex });
  const closed = MmapRegion.anonymous(4096);
  closed.close();
  assertThrows(() => layout.create(closed), BadResource);
  assertThrows(() => layout.attach(closed), BadResource);
  using fresh = MmapRegion.anonymous(4096);
  using readOnly = MmapRegion.attach(fresh.handle(), { access: "read" });
  assertThrows(() => layout.create(readOnly), TypeError, "read-write");
  assertEquals([readOnly.faults, fresh.bytes.findIndex((byte) => byte !== 0)], [0, -1]);
  assertThrows(() => layout.create(new Uint8Array(4096) as never), TypeError, "MmapRegion");
  assertThrows(() => layout.attach({} as never), TypeError);
});

Deno.test("layOut() over read-only memory shows records, and no primitives", () => {
  const data = layOut({ point: Point });
  using shared = data.create();
  shared.point.x = 3;
  using readOnly = MmapRegion.attach(shared.region.handle(), { access: "read" });
  assertEquals(data.attach(readOnly).point.x, 3);
  using locked = layOut({ mutex: Mutex }).create();
  using same = MmapRegion.attach(locked.region.handle(), { access: "read" });
  assertThrows(() => layOut({ mutex: Mutex }).attach(same), TypeError, "read-write");
});

Deno.test("layOut() refuses shapes that cannot be laid out", () => {
  // deno-lint-ignore no-explicit-any -- what the compiler would refuse
  const wrong = (shape: any, error: typeof TypeError | typeof RangeError, text: string): void => {
    assertThrows(() => layOut(shape), error, text);
  };
  wrong({}, TypeError, "at least one");
  for (const shape of [undefined, null, 5]) wrong(shape, TypeError, "must be an object");
  for (const name of ["region", "close"]) wrong({ [name]: Mutex }, TypeError, `"${name}"`);
  wrong({ "\ud800": Mutex }, TypeError, "name");
  for (const part of [Barrier, [Mutex], [], f64, MmapRegion, {}, null, "mutex", () => {}]) {
    wrong({ part }, TypeError, "'part' must be");
  }
  wrong({ part: [Barrier] }, TypeError, "parties");
  for (const parties of [0, 121, 1.5]) wrong({ part: [Barrier, parties] }, RangeError, "parties");
  wrong({ part: [SharedEvent, { reset: true }] }, TypeError, "'reset'");
  wrong({ part: [SharedEvent, { autoReset: 1 }] }, TypeError, "autoReset");
  wrong({ part: array(f64, 2 ** 51) }, RangeError, "so long");
});

Deno.test("layOut() takes any other name", () => {
  const names = ["__proto__", "constructor", "toString", "", "handle", "#"];
  const shape = Object.fromEntries(names.map((name) => [name, Futex]));
  const layout = layOut(shape);
  using shared = layout.create();
  for (const [i, name] of names.entries()) shared[name]!.store(i);
  using same = layout.attach(shared.region.handle());
  assertEquals(names.map((name) => same[name]!.load()), [0, 1, 2, 3, 4, 5]);
});

Deno.test("layOut().create() in three processes at once makes one layout", () =>
  withTempDir(async (dir) => {
    const path = makeSparseFile(dir, Shared.byteLength);
    const counts = await Promise.all(
      [1, 2, 3].map(() => resultOf(PEER, { args: ["count", path, 2000] })),
    );
    assertEquals(Math.max(...counts), 6000);
    using region = MmapRegion.open(path, { access: "read-write" });
    using shared = Shared.attach(region);
    assertEquals([shared.state.count, shared.hits[1023]], [6000, 3000]);
  }));

Deno.test("layOut().create() completes what a process began that was killed", () =>
  withTempDir(async (dir) => {
    using whole = Shared.create();
    const path = makeSparseFile(dir, Shared.byteLength);
    const table = [...whole.region.bytes.subarray(0, 512)];
    const { signal } = await runChild(PEER, { args: ["die", path, table] });
    assertEquals(signal, KILLED.signal);
    using region = MmapRegion.open(path, { access: "read-write" });
    assertThrows(() => Shared.attach(region), InvalidData, "no layout");
    using shared = Shared.create(region);
    using _guard = shared.mutex.lockSync();
    assertEquals(region.bytes.slice(16, 512), whole.region.bytes.slice(16, 512));
    assertEquals(region.bytes.slice(8, 16), new Uint8Array(8)); // the lock is free again
  }));

Deno.test("layOut().create() writes over no layout that was made while it waited its turn", () =>
  withTempDir(async (dir) => {
    const path = makeSparseFile(dir, Shared.byteLength);
    using region = MmapRegion.open(path, { access: "read-write" });
    const words = new RegionWords(region, 0, 64, "hold the turn");
    const turn = new RobustWord(words, 2);
    assert(turn.tryTake());
    const told = resultOf(PEER, { args: ["refused", path] });
    while (words.cells[2]! >= 0) await new Promise((resolve) => setTimeout(resolve, 1)); // it sleeps
    using other = layOut({ mutex: Mutex }).create();
    const table = other.region.bytes.slice(0, 128);
    region.bytes.set(table.subarray(16), 16);
    region.bytes.set(table.subarray(0, 8));
    turn.release();
    assertStringIncludes(await told, "another layout");
    layOut({ mutex: Mutex }).attach(region);
  }));

Deno.test("layOut().create() leaves no hole in its file", () =>
  withTempDir((dir) => {
    const path = makeSparseFile(dir, 1 << 20);
    using region = MmapRegion.open(path, { access: "read-write" });
    layOut({ hits: array(f64, 100_000) }).create(region);
    assert(Deno.statSync(path).blocks! * 512 >= 800_000);
  }));

Deno.test("layOut().create() that fails opens nothing for long", () => {
  const before = MmapRegion.held;
  const layout = layOut({ mutex: Mutex, point: Point });
  const label = crypto.randomUUID(); // no other test's
  using region = MmapRegion.anonymous(layout.byteLength, { label });
  layOut({ point: Point }).create(region);
  const handle = region.handle();
  const count = (): number => countDescriptors(region);
  assertThrows(() => layout.attach(handle), InvalidData);
  const open = count();
  for (let i = 0; i < 20; i++) assertThrows(() => layout.attach(handle), InvalidData);
  assertEquals([MmapRegion.held, count()], [before, open]);
});
