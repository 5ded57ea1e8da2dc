/** The guard's table: its layout against guard.c, and who owns its slots. */

import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import {
  FIRST_ADDRESS_WORD,
  GIVEN_END_WORD,
  HEADER_BYTE_LENGTH,
  KEEPERS_WORD,
  LAST_ADDRESS_WORD,
  NEXT_ADDRESS_WORD,
  SLOT_BYTE_LENGTH,
  SLOT_COUNT,
  TABLE_BYTE_LENGTH,
} from "../../ffi/guard/layout.ts";
import { GuardTable } from "../../ffi/guard/table.ts";
import { ignore } from "../_faults.ts";
import { needsC, runC } from "../_gcc.ts";
import { dropPages, makePages } from "../_pages.ts";

const LAYOUT = new URL("_layout.c", import.meta.url);
const GUARD = fromFileUrl(new URL("../../ffi/guard/", import.meta.url));

const RANGE = {
  start: 4096n,
  end: 8192n,
  fd: -1,
  fileOffset: 0n,
  pageSize: 4096n,
  borrowed: false,
};

/** Runs `body` with an empty table. */
function withTable(body: (table: GuardTable, address: Deno.PointerObject) => void): void {
  const address = makePages(TABLE_BYTE_LENGTH);
  try {
    body(new GuardTable(address), address);
  } finally {
    dropPages(address, TABLE_BYTE_LENGTH);
  }
}

/** Where each field lies, by what the class writes. */
function fieldsWritten(): Record<string, number> {
  const found: Record<string, number> = {};
  withTable((table) => {
    const note = (name: string, value: bigint): void => {
      const word = table.words.indexOf(value);
      found[name] = word * 8;
    };
    table.initialize(0x1111);
    table.setPrevious(0, { handler: 0x2222n, flags: 0x3333n });
    table.setPrevious(1, { handler: 0x4444n, flags: 0x5555n });
    note("page_size", 0x1111n);
    note("previous", 0x2222n);
    note("previous[0].flags", 0x3333n);
    note("previous[1].handler", 0x4444n);
    table.take();
    found["used"] = table.halves.indexOf(1) * 4;
    const slot = table.take();
    slot.begin({
      start: 0x6666n,
      end: 0x7777n,
      fd: 0x8888,
      fileOffset: 0x9999n,
      pageSize: 0xaaaan,
      borrowed: true,
    });
    const base = HEADER_BYTE_LENGTH + SLOT_BYTE_LENGTH;
    note("start", 0x6666n);
    note("end", 0x7777n);
    note("file_offset", 0x9999n);
    note("slot.page_size", 0xaaaan);
    found["fd"] = table.halves.indexOf(0x8888) * 4;
    found["claimed"] = table.halves.indexOf(1, base / 4) * 4;
    found["borrowed"] = table.halves.indexOf(1, found["claimed"] / 4 + 1) * 4;
    slot.addHolder();
    slot.abandon({ start: 0xbbbb, end: 0xcccc, fd: 0xdddd });
    note("map_start", 0xbbbbn);
    note("map_end", 0xccccn);
    found["map_fd"] = table.halves.lastIndexOf(0xdddd) * 4;
    found["holders"] = table.halves.indexOf(1 - 2 ** 31) * 4;
    for (const name of WRITTEN_TO_SLOTS) found[name]! -= base;
    const words = base / 8;
    // What the handler writes, as the class reads it.
    const reads = (name: string, at: number, value: () => unknown): void => {
      table.words[words + at] = 42n;
      if (value() === 42 || value() === 41) found[name] = at * 8;
      table.words[words + at] = 0n;
    };
    for (let at = 3; at < 5; at++) {
      reads("faults", at, () => slot.faults);
      reads("first_fault", at, () => slot.firstFault);
    }
  });
  return found;
}

const WRITTEN_TO_SLOTS = [
  "start",
  "end",
  "file_offset",
  "fd",
  "claimed",
  "borrowed",
  "map_start",
  "map_end",
  "map_fd",
  "holders",
  "slot.page_size",
];

/** Fields that are named by their place. */
const WORDS: Record<string, number> = {
  first_address: FIRST_ADDRESS_WORD,
  next_address: NEXT_ADDRESS_WORD,
  given_end: GIVEN_END_WORD,
  last_address: LAST_ADDRESS_WORD,
  keepers: KEEPERS_WORD,
};

Deno.test({
  name: "GuardTable has the layout of guard.c",
  ignore: ignore || needsC.ignore,
  fn: async () => {
    const output = await runC(await Deno.readTextFile(LAYOUT), ["-I", GUARD]);
    const inC: Record<string, number> = Object.fromEntries(
      output.trim().split("\n").map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
    const { busy, count, slots, slot, ...fields } = inC;
    const words = Object.entries(WORDS).map(([name, word]) => [name, 8 * word]);
    assertEquals({ ...fieldsWritten(), ...Object.fromEntries(words) }, fields);
    assertEquals(
      [busy, count, slots, slot],
      [40, 12, HEADER_BYTE_LENGTH, SLOT_BYTE_LENGTH],
    );
  },
});

Deno.test("GuardTable.take() gives each slot once, and freed ones again", () => {
  withTable((table) => {
    const range = RANGE;
    const slots = Array.from({ length: 100 }, () => table.take());
    slots.forEach((slot, i) => slot.begin({ ...range, start: BigInt(4096 * (i + 1)) }));
    const starts = slots.map((_, i) =>
      table.words[(HEADER_BYTE_LENGTH + i * SLOT_BYTE_LENGTH) / 8]
    );
    assertEquals(starts, slots.map((_, i) => BigInt(4096 * (i + 1))));
    for (const slot of slots) slot.free();
    const again = Array.from({ length: 100 }, () => table.take());
    assertEquals(table.halves[2], 100); // no new slot was needed
    for (const slot of again) slot.free();
  });
});

Deno.test("GuardSlot.free() forgets faults and what was guarded, and tells the faults", () => {
  withTable((table) => {
    const slot = table.take();
    slot.begin({ ...RANGE, fd: 3 });
    const base = HEADER_BYTE_LENGTH / 8;
    table.words[base + 3] = 5n;
    table.words[base + 4] = 8n;
    assertEquals([slot.faults, slot.firstFault], [5, 7]);
    assertEquals(slot.free(), 5);
    assertEquals([...table.words.subarray(base, base + 1)], [0n]);
    assertEquals([table.words[base + 3], table.words[base + 4]], [0n, 0n]);
    const next = table.take();
    assertEquals([next.faults, next.firstFault], [0, undefined]);
  });
});

Deno.test("GuardTable.take() throws if every slot is taken, and works again once one is free", () => {
  withTable((table) => {
    let last = table.take();
    for (let i = 1; i < SLOT_COUNT; i++) last = table.take();
    assertThrows(() => table.take(), Error, "guard: false");
    assertEquals(table.halves[2], SLOT_COUNT);
    last.free();
    table.take();
    assertThrows(() => table.take(), Error, "guard: false");
    assertEquals(table.halves[2], SLOT_COUNT);
  });
});

Deno.test("GuardTable.take() finds a slot that another isolate has freed", () => {
  withTable((table, address) => {
    const other = new GuardTable(address);
    const slots = Array.from({ length: SLOT_COUNT }, () => other.take());
    slots[SLOT_COUNT - 1]!.free();
    table.take();
    assertThrows(() => table.take(), Error, "guard: false");
  });
});

/** Runs `intrude` at the `step`-th atomic step of `body`, as another thread may. */
function atStep(step: number, intrude: () => void, body: () => void, look: () => void): boolean {
  const { load, compareExchange, store } = Atomics;
  let left = step;
  const once = (): void => {
    if (left-- !== 0) return;
    Object.assign(Atomics, { load, compareExchange, store });
    intrude();
    Object.assign(Atomics, watched);
  };
  // deno-lint-ignore no-explicit-any -- whatever Atomics takes
  const watch = (real: (...args: any[]) => any, before: boolean) => (...args: unknown[]) => {
    if (before) once();
    const result = real.apply(Atomics, args);
    if (!before) once();
    look();
    return result;
  };
  const watched = {
    load: watch(load, false),
    compareExchange: watch(compareExchange, true),
    store: watch(store, true),
  };
  Object.assign(Atomics, watched);
  try {
    body();
    return left < 0;
  } finally {
    Object.assign(Atomics, { load, compareExchange, store });
  }
}

for (const used of [0, SLOT_COUNT]) {
  Deno.test(`GuardTable.take() gives no slot twice whenever another thread comes, from ${used}`, () => {
    for (let step = 0, reached = true; reached; step++) {
      withTable((table, address) => {
        table.halves[2] = used;
        const other = new GuardTable(address);
        const slots = [other.take(), other.take()];
        let least = 0;
        reached = atStep(
          step,
          () => {
            slots.push(other.take(), other.take(), other.take());
            least = table.halves[2]!;
          },
          () => slots.push(table.take()),
          () => assertEquals(table.halves[2]! >= least, true, "the handler loses slots"),
        );
        const starts = slots.map((_, i) => BigInt(i + 1) * 4096n);
        slots.forEach((slot, i) => {
          slot.begin({ ...RANGE, start: starts[i]!, end: 2n ** 40n });
        });
        const found = slots.map((_, i) =>
          table.words[(HEADER_BYTE_LENGTH + i * SLOT_BYTE_LENGTH) / 8]!
        );
        assertEquals(found.sort((a, b) => Number(a - b)), starts);
      });
    }
  });
}
