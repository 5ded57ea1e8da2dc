/** The guard's table and other threads: real Workers, and what they leave to the main thread. */

import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

Deno.test("GuardTable.take() gives no slot to two isolates", { ignore }, async () => {
  await assertLives(`
    const TABLE = import.meta.resolve("./ffi/guard/table.ts");
    const { TABLE_BYTE_LENGTH } = await import(import.meta.resolve("./ffi/guard/layout.ts"));
    const address = C.mmap(null, TABLE_BYTE_LENGTH, 3, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    const value = Deno.UnsafePointer.value(address);
    const workers = Array.from({ length: 4 }, (_, id) => startWorker(\`
      import { GuardTable } from "\${TABLE}";
      const table = new GuardTable(Deno.UnsafePointer.create(\${value}n));
      self.onmessage = () => {
        let mixed = 0;
        for (let round = 0; round < 500; round++) {
          const slots = Array.from({ length: 8 }, () => table.take());
          const mine = slots.map((slot, i) => {
            const start = BigInt((\${id} + 1) * 2 ** 32 + (round * 8 + i + 1) * 4096);
            slot.begin({
              start, end: start + 4096n, fd: -1, fileOffset: start, pageSize: 4096n, borrowed: false,
            });
            return start;
          });
          const held = new Set(table.words.subarray(0, 4096)); // far more slots than are taken at once
          mixed += mine.filter((start) => !held.has(start)).length;
          for (const slot of slots) slot.free();
        }
        self.postMessage(mixed);
      };
      self.postMessage("ready");\`));
    for (const { next } of workers) assertEquals(await next(), "ready");
    for (const { worker } of workers) worker.postMessage("go");
    for (const { next, worker } of workers) {
      assertEquals(await next(), 0);
      worker.terminate();
    }
  `);
});

Deno.test("GuardSlot.end() waits for handlers at work", { ignore }, async () => {
  // Another thread stands for the handler: it lowers \`busy\` after it saw the start cleared.
  await assertLives(`
    const TABLE = import.meta.resolve("./ffi/guard/table.ts");
    const { GuardTable } = await import(TABLE);
    const LAYOUT = import.meta.resolve("./ffi/guard/layout.ts");
    const { HEADER_BYTE_LENGTH, TABLE_BYTE_LENGTH } = await import(LAYOUT);
    const address = C.mmap(null, TABLE_BYTE_LENGTH, 3, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    const table = new GuardTable(address);
    const slot = table.take();
    slot.begin({ start: 4096n, end: 8192n, fd: -1, fileOffset: 0n, pageSize: 4096n, borrowed: false });
    Atomics.store(table.halves, HEADER_BYTE_LENGTH / 4 + 10, 1);
    const { next, worker } = startWorker(\`
      import { GuardTable } from "\${TABLE}";
      const table = new GuardTable(Deno.UnsafePointer.create(\${Deno.UnsafePointer.value(address)}n));
      self.postMessage("ready");
      const word = \${HEADER_BYTE_LENGTH / 8};
      while (Atomics.load(table.words, word) !== 0n);
      table.words[word + 3] = 77n; // a fault that is counted late
      Atomics.store(table.halves, 2 * word + 10, 0);\`);
    assertEquals(await next(), "ready");
    assertEquals(slot.free(), 77);
    worker.terminate();
  `);
});

Deno.test("MmapRegion throws if every slot is taken, and maps with guard: false", {
  ignore,
}, () =>
  withTempDir(async (dir) => {
    await assertLives(
      `
    const { guardTable } = await import(import.meta.resolve("./ffi/guard/guard.ts"));
    const { SLOT_COUNT } = await import(import.meta.resolve("./ffi/guard/layout.ts"));
    const path = makeFile(PAGE);
    const table = guardTable();
    const slots = Array.from({ length: SLOT_COUNT }, () => table.take());
    const maps = () => Deno.readTextFileSync("/proc/self/maps").split(path).length;
    const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = [maps(), descriptors()];
    assertThrows(() => MmapRegion.open(path), Error, "guard: false");
    assertThrows(() => MmapRegion.anonymous(PAGE), Error, "guard: false");
    assertEquals([maps(), descriptors()], before);
    MmapRegion.open(path, { guard: false }).close();
    slots[7].free();
    MmapRegion.open(path).close();
    MmapRegion.open(path).close();
  `,
      { args: [dir] },
    );
  }));
