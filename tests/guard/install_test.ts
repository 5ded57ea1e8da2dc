/** One handler and one table per process; and life without them. */

import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

/** The handlers that are installed, and where their table lies. */
const LOOK = `
  const { sigaction } = Deno.dlopen("libc.so.6", {
    sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" },
  }).symbols;
  function handlerOf(signal) {
    const record = new BigUint64Array(19);
    assertEquals(sigaction(signal, null, record), 0);
    return record[0];
  }
  const handlers = () => [handlerOf(7), handlerOf(11)]; // SIGBUS, SIGSEGV
`;

Deno.test(
  "MmapRegion.guardState() is off until there is a region, then on",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        `${LOOK}
      const before = handlers();
      assertEquals(MmapRegion.guardState(), "off");
      const path = makeFile(PAGE);
      assertEquals(handlers(), before);
      // Also one without a guard: who looks at it when it is closed meets zeros.
      MmapRegion.open(path, { guard: false }).close();
      const installed = handlers();
      assertEquals(MmapRegion.guardState(), "on");
      assertEquals(installed[0], installed[1]);
      assert(!before.includes(installed[0]));
      for (let i = 0; i < 3; i++) MmapRegion.open(path).close();
      assertEquals([MmapRegion.guardState(), ...handlers()], ["on", ...installed]);
    `,
        { args: [dir] },
      );
    }),
);

Deno.test("the guard is one handler and one table for all Workers", { ignore }, async () => {
  await assertLives(`${LOOK}
    const GUARD = import.meta.resolve("./ffi/guard/guard.ts");
    const gate = new SharedArrayBuffer(4);
    // All of them install at once, before the main thread does.
    const workers = Array.from({ length: 6 }, () => startWorker(\`
      import { guardTable } from "\${GUARD}";
      const flag = await new Promise((resolve) => {
        self.onmessage = ({ data }) => resolve(new Int32Array(data));
      });
      Atomics.add(flag, 0, 1);
      while (Atomics.load(flag, 0) < 6);
      const table = guardTable();
      const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(table.words.buffer)));
      self.postMessage([MmapRegion.guardState(), address]);\`));
    for (const { worker } of workers) worker.postMessage(gate);
    const answers = await Promise.all(workers.map(({ next }) => next()));
    const address = answers[0][1];
    assertEquals(answers, answers.map(() => ["on", address]));
    assertEquals(MmapRegion.guardState(), "off"); // each isolate speaks for itself
    const { guardTable } = await import(GUARD);
    const { words } = guardTable();
    assertEquals(Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(words.buffer))), address);
    assertEquals(handlers(), Array(2).fill(address - 65536n + 64n));
    for (const { worker } of workers) worker.terminate();
  `);
});

Deno.test(
  "Workers open, close and fault over thousands of rounds",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        `${LOOK}
      const rounds = 1000;
      const run = \`
        function round(path, seed) {
          const region = MmapRegion.open(path, { access: "read-write" });
          const stray = MmapRegion.anonymous(2 * \${PAGE}, { sharing: "private" });
          stray.protect("none");
          Deno.truncateSync(path, 0);
          const at = seed % 3 * \${PAGE};
          const zero = region.bytes[at];
          region.bytes[at] = 1;
          stray.bytes[seed % 2 * \${PAGE}] = 1;
          const result = zero === 0 && region.bytes[at] === 1 && region.faults === 1 && stray.faults === 1;
          if (seed % 5 === 0) region.repair();
          Deno.truncateSync(path, 3 * \${PAGE});
          if (seed % 7 === 0) region.resize(3 * \${PAGE} - 1);
          region.close();
          stray.close();
          return result;
        }\`;
      const workers = [0, 1, 2].map((id) => startWorker(\`
        \${run}
        let wrong = 0;
        for (let i = 0; i < \${rounds}; i++) if (!round("\${makeFile(3 * PAGE, "w" + id)}", i)) wrong++;
        self.postMessage(wrong);\`));
      const mine = new Function("MmapRegion", run + "return round;")(MmapRegion);
      const path = makeFile(3 * PAGE);
      for (let i = 0; i < rounds; i++) assert(mine(path, i));
      for (const { next, worker } of workers) {
        assertEquals(await next(), 0);
        worker.terminate();
      }
      const [bus, segv] = handlers();
      assertEquals(bus, segv);
    `,
        { args: [dir], timeoutMs: 120_000 },
      );
    }),
);

/** Everything that needs no guard, in a process that has none. */
const WITHOUT_GUARD = `
  const path = makeFile(4 * PAGE);
  {
    using region = MmapRegion.open(path, { access: "read-write" });
    assertEquals(MmapRegion.guardState(), "unavailable");
    assertEquals(region.bytes, pattern(4 * PAGE));
    region.bytes[0] = 9;
    region.flushSync();
    await region.flush({ durability: "disk" });
    region.check();
    region.repair();
    region.resize(5 * PAGE);
    region.protect("read", { byteLength: PAGE });
    region.protect("read-write", { byteLength: PAGE });
    assertEquals([Deno.readFileSync(path)[0], region.faults], [9, 0]);
    const handle = region.handle();
    using again = MmapRegion.attach(handle);
    assertEquals(again.bytes[0], 9);
    if (globalThis.WebAssembly !== undefined) { // it is missing without a JIT
      new Uint8Array(region.sharedBuffer())[1] = 8;
      assertEquals(again.bytes[1], 8);
    }
    truncate(path, PAGE);
    const target = new Uint8Array(3 * PAGE);
    assertEquals(region.tryRead(target, 0), PAGE);
    assertEquals(region.tryRead(target, 2 * PAGE), 0);
    assertEquals(region.tryWrite(target, PAGE - 4), 4);
    assertEquals([...region.probe()], [1, 0, 0, 0, 0]);
  }
  for (const sharing of ["shared", "private"]) {
    using region = MmapRegion.anonymous(PAGE, { sharing });
    region.bytes.fill(1);
    region.protect("read");
    assertEquals(region.bytes[PAGE - 1], 1);
  }
  assertEquals(MmapRegion.guardState(), "unavailable");
  assertEquals(handlers(), before);
`;

const withDir = (body: string, v8Flags = ""): Promise<void> =>
  withTempDir(async (dir) => {
    await assertLives(body, { args: [dir], ...(v8Flags === "" ? {} : { v8Flags }) });
  });

Deno.test("MmapRegion works without a guard if mprotect refuses to make memory executable", {
  ignore,
}, () =>
  withDir(`${LOOK}
    const before = handlers();
    const { replaceLibc, libc } = await import(import.meta.resolve("./ffi/libc.ts"));
    const { mprotect } = libc();
    const refused = [];
    replaceLibc({
      mprotect: (pointer, byteLength, protection) => {
        if ((protection & C.PROT_EXEC) === 0) return mprotect(pointer, byteLength, protection);
        refused.push(protection);
        // Fails, and leaves an errno.
        return mprotect(Deno.UnsafePointer.offset(pointer, 1), byteLength, 1);
      },
    });
    ${WITHOUT_GUARD}
    assertEquals(refused.length, 1); // and is not asked again
  `));

Deno.test("MmapRegion works without a guard if sigaction fails", { ignore }, () =>
  withDir(`${LOOK}
    const before = handlers();
    const { replaceLibc, libc } = await import(import.meta.resolve("./ffi/libc.ts"));
    replaceLibc({ sigaction: () => -1 });
    ${WITHOUT_GUARD}
  `));

/** `PR_SET_MDWE` came with Linux 6.3. */
const [major, minor] = Deno.osRelease().split(".").map(Number) as [number, number];
const deniesExecution = major > 6 || (major === 6 && minor >= 3);

Deno.test({
  name: "MmapRegion works without a guard where the kernel denies executable memory" +
    (deniesExecution ? "" : ` (ignored: Linux ${major}.${minor} cannot)`),
  ignore: ignore || !deniesExecution,
  fn: () =>
    withDir(
      `${LOOK}
    const before = handlers();
    const { prctl } = Deno.dlopen("libc.so.6", {
      prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
    }).symbols;
    C.sysconf(C._SC_PAGESIZE); // loads libc
    const PR_SET_MDWE = 65, MDWE_REFUSE_EXEC_GAIN = 1n;
    assertEquals(prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0n, 0n, 0n), 0);
    ${WITHOUT_GUARD}
    // It was the kernel that refused.
    const address = C.mmap(null, PAGE, 3, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    assertThrows(() => C.mprotect(address, PAGE, 5), Deno.errors.PermissionDenied);
  `,
      "--jitless",
    ),
});
