/** The handler where several threads meet the same page: called as the kernel calls it. */

import { assertDiesBy, assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

/**
 * `meet(address)` is a fault that another thread had a moment ago, and for which its handler begins
 * only now; `slot` and `ABSORBER` are for the slot of the first guarded region.
 */
const LATE_FAULT = `
  const SIGBUS = 7, BUS_ADRERR = 2, BYTES_OF_SIGACTION = 152;
  const { libc } = await import(import.meta.resolve("./ffi/libc.ts"));
  const { guardTable } = await import(import.meta.resolve("./ffi/guard/guard.ts"));
  const { halves } = guardTable();
  const action = new Uint8Array(BYTES_OF_SIGACTION);
  libc().sigaction(SIGBUS, null, action);
  const handler = new Deno.UnsafeFnPointer(
    Deno.UnsafePointer.create(new BigUint64Array(action.buffer)[0]),
    { parameters: ["i32", "buffer", "buffer"], result: "void" },
  );
  function meet(address) {
    const info = new Uint8Array(128); // siginfo_t
    new Int32Array(info.buffer).set([SIGBUS, 0, BUS_ADRERR]);
    new BigUint64Array(info.buffer)[2] = address;
    handler.call(SIGBUS, info, new Uint8Array(1024)); // a ucontext_t of zeros
  }
  const addressOf = (bytes) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  const { HEADER_BYTE_LENGTH } = await import(import.meta.resolve("./ffi/guard/layout.ts"));
  const ABSORBER = (HEADER_BYTE_LENGTH + 52) / 4; // see table.ts
  const path = makeFile(2 * PAGE);
  const region = MmapRegion.open(path, { access: "read-write" });
  const { bytes } = region;
  const second = addressOf(bytes) + BigInt(PAGE);
`;

function test(name: string, body: string): void {
  Deno.test({
    name,
    ignore,
    fn: () =>
      withTempDir(async (dir) => {
        await assertLives(LATE_FAULT + body, { args: [dir] });
      }),
  });
}

test(
  "guard_handler leaves a page that another thread has put there since the fault",
  `
  truncate(path, PAGE);
  bytes[PAGE] = 1;
  meet(second);
  assertEquals([bytes[PAGE], region.faults], [1, 1]);`,
);

test(
  "guard_handler leaves a private copy that another thread has made since the fault",
  `
  region.protect("read");
  bytes[PAGE] = 250;
  meet(second);
  assertEquals([bytes[PAGE], region.faults], [250, 1]);`,
);

test(
  "guard_handler leaves a range alone that another thread is changing, and takes over from a dead one",
  `
  truncate(path, PAGE);
  const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => Number(name));
  halves[ABSORBER] = threads.find((thread) => thread !== Deno.pid);
  meet(second);
  assertEquals([region.faults, region.probe({ byteOffset: PAGE })], [0, Uint8Array.of(0)]);
  halves[ABSORBER] = 2 ** 30; // no thread has that number
  assertEquals([bytes[PAGE], region.faults, halves[ABSORBER]], [0, 1, 0]);`,
);

test(
  "guard_handler absorbs a fault of the thread that is changing the range itself",
  `
  truncate(path, PAGE);
  halves[ABSORBER] = Deno.pid; // the number of the main thread
  assertEquals([bytes[PAGE], region.faults, halves[ABSORBER]], [0, 1, Deno.pid]);
  halves[ABSORBER] = 0;`,
);

test(
  "guard_handler goes on where a closed region has left zeros since the fault",
  `
  truncate(path, PAGE);
  const kept = new Uint8Array(region.buffer.transfer());
  region.close();
  meet(second);
  assertEquals(kept[PAGE], 0);
  using other = MmapRegion.open(makeFile(PAGE), { access: "read-write" });
  truncate(path, 0);
  assertEquals([other.bytes[0], other.faults], [0, 1]); // the guard is still there`,
);

Deno.test(
  "Two threads that touch the same missing pages lose nothing",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        `
      const PAGES = 4096, ROUNDS = 4;
      const path = makeFile(new Uint8Array(PAGE));
      truncate(path, PAGES * PAGE);
      using region = MmapRegion.open(path, { access: "read-write" });
      const shared = region.sharedBuffer();
      const turn = new Int32Array(new SharedArrayBuffer(8));
      const writers = [0, 1].map((id) => startWorker(\`
        self.onmessage = ({ data: [shared, turn, step] }) => {
          const words = new Int32Array(shared);
          for (let round = 1; round <= \${ROUNDS}; round++) {
            Atomics.wait(turn, 0, round - 1);
            for (let at = 0; at < words.length; at += step) words[at + \${id}] = round;
            Atomics.add(turn, 1, 1);
            Atomics.notify(turn, 1);
          }
        };
        self.postMessage("ready");\`));
      for (const { next, worker } of writers) {
        await next();
        worker.postMessage([shared, turn, PAGE / 4]);
      }
      let lost = 0;
      for (let round = 1; round <= ROUNDS; round++) {
        truncate(path, PAGE);
        Atomics.store(turn, 1, 0);
        Atomics.store(turn, 0, round);
        Atomics.notify(turn, 0);
        for (let over; (over = Atomics.load(turn, 1)) < 2;) Atomics.wait(turn, 1, over);
        const words = new Int32Array(shared);
        for (let at = PAGE / 4; at < words.length; at += PAGE / 4) {
          if (words[at] !== round || words[at + 1] !== round) lost++;
        }
        truncate(path, PAGES * PAGE);
        region.repair();
        region.check();
      }
      assertEquals(lost, 0);
      for (const { worker } of writers) worker.terminate();
    `,
        { args: [dir] },
      );
    }),
);

/** A Worker that is terminated with the memory of a region in use; `left` is where that was. */
const TERMINATED = `
  const path = makeFile(64 * PAGE);
  const startLeaver = () => startWorker(\`
    const region = MmapRegion.open("\${path}", { access: "read-write" });
    const shared = region.sharedBuffer();
    new Uint8Array(shared)[0] = 1;
    globalThis.kept = [region, shared];
    self.postMessage(Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(shared))));
    self.onmessage = () => self.postMessage(shared);\`);
  const isMapped = (left) =>
    Deno.readTextFileSync("/proc/self/maps").includes(left.toString(16) + "-");
  /** Where the memory of a Worker that has ended was. */
  async function leave() {
    const { worker, next } = startLeaver();
    const left = await next();
    assert(isMapped(left));
    worker.terminate();
    for (const end = Date.now() + 20_000; isMapped(left);) {
      assert(Date.now() < end);
      await new Promise((resolve) => setTimeout(resolve));
    }
    return left;
  }
`;

Deno.test(
  "MmapRegion is guarded where a terminated Worker's sharedBuffer() was",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        `${TERMINATED}
      const other = makeFile(64 * PAGE, "other.bin");
      // Neither its beginning nor its offset are those of the slot that is left.
      async function openThere() {
        const address = await leave() + BigInt(16 * PAGE);
        const place = { byteOffset: 8 * PAGE, byteLength: 32 * PAGE };
        const region = MmapRegion.open(other, { access: "read-write", address, ...place });
        if (Deno.UnsafePointer.value(Deno.UnsafePointer.of(region.bytes)) === address) return region;
        region.close(); // another thread was faster
        return openThere();
      }
      using region = await openThere();
      region.protect("read");
      region.bytes[PAGE] = 250;
      assertEquals([region.faults, region.bytes[PAGE + 1]], [1, pattern(64 * PAGE)[9 * PAGE + 1]]);
      assertFault(() => region.check(), other, PAGE, 1);
    `,
        { args: [dir] },
      );
    }),
);

Deno.test(
  "sharedBuffer() of a terminated Worker stays guarded for who was given it",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        `${TERMINATED}
      const { worker, next } = startLeaver();
      const left = await next();
      worker.postMessage("give");
      const bytes = new Uint8Array(await next());
      worker.terminate();
      truncate(path, PAGE);
      for (let turn = 0; turn < 5; turn++) {
        bytes[(2 + turn) * PAGE] = 5; // before, while and after the Worker ends
        assertEquals(bytes[(2 + turn) * PAGE], 5);
        await new Promise((resolve) => setTimeout(resolve));
      }
      assert(isMapped(left));
    `,
        { args: [dir] },
      );
    }),
);

Deno.test(
  "A fault dies that lies where a terminated Worker's sharedBuffer() was",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertDiesBy(
        "SIGSEGV",
        `${TERMINATED}
      const left = await leave();
      const flags = C.MAP_PRIVATE | C.MAP_ANONYMOUS | C.MAP_FIXED_NOREPLACE;
      const address = C.mmap(Deno.UnsafePointer.create(left), PAGE, C.PROT_NONE, flags, -1, 0);
      console.log("ready");
      new Deno.UnsafePointerView(address).getUint8();
    `,
        { args: [dir] },
      );
    }),
);
