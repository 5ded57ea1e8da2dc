/** What the guard does not absorb goes where it went before. */

import { assertDiesBy, assertLives, ignore } from "../_faults.ts";
import { assertEquals } from "@std/assert";
import { Child } from "../_child.ts";
import { withTempDir } from "../_files.ts";

const TEST = { ignore };

/** A region whose file is gone, and what every program may rely on. */
const STATES = `
  const path = makeFile(8 * PAGE);
  // (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0))), memory of one page
  const code = Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1,
    7, 7, 1, 3, 103, 101, 116, 0, 0, 10, 9, 1, 7, 0, 32, 0, 45, 0, 0, 11,
  );
  const { exports: { get } } = new WebAssembly.Instance(new WebAssembly.Module(code));
  const recurse = () => recurse() + 1;
  function useSignals(times) {
    for (let i = 0; i < times; i++) {
      assertThrows(recurse, RangeError, "call stack");
      assertThrows(() => get(65536 + i), WebAssembly.RuntimeError, "out of bounds");
      assertThrows(() => get(-1), WebAssembly.RuntimeError, "out of bounds");
      assertEquals(get(65535), 0);
    }
  }
  function faulty() {
    Deno.truncateSync(path, 8 * PAGE);
    const region = MmapRegion.open(path);
    Deno.truncateSync(path, 0);
    return region;
  }
`;

Deno.test(
  "the guard leaves stack overflows and WebAssembly's traps to V8",
  TEST,
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        `${STATES}
      useSignals(3);
      assertEquals(MmapRegion.guardState(), "off");
      const region = faulty();
      assertEquals(MmapRegion.guardState(), "on");
      useSignals(3);
      for (let page = 0; page < 8; page++) {
        assertEquals(region.bytes[page * PAGE], 0);
        useSignals(3);
      }
      assertEquals(region.faults, 8);
      for (let i = 0; i < 20000; i++) get(i); // by the optimiser as well
      useSignals(3);
      region.close();
      useSignals(3);
    `,
        { args: [dir] },
      );
    }),
);

Deno.test(
  "the guard leaves stack overflows and traps of a Worker to V8",
  TEST,
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        `${STATES}
      const region = faulty();
      const { worker, next } = startWorker(\`
        const recurse = () => recurse() + 1;
        const { exports: { get } } = new WebAssembly.Instance(
          new WebAssembly.Module(Uint8Array.of(\${code})));
        const region = MmapRegion.anonymous(\${PAGE}, { sharing: "private" });
        const names = [];
        for (let i = 0; i < 3; i++) {
          for (const call of [recurse, () => get(65536)]) {
            try { call(); } catch ({ constructor }) { names.push(constructor.name); }
          }
          region.protect("read");
          region.bytes[0] = i;
        }
        self.postMessage([...names, region.faults]);\`);
      const answer = ["RangeError", "RuntimeError"];
      assertEquals(await next(), [...answer, ...answer, ...answer, 3]);
      worker.terminate();
      assertEquals(region.bytes[0], 0);
      useSignals(2);
    `,
        { args: [dir] },
      );
    }),
);

/** What must end a process, with and without a guard that has absorbed something already. */
const DEADLY: Record<string, [Deno.Signal, string]> = {
  "a read from an address where nothing is": [
    "SIGSEGV",
    `new Deno.UnsafePointerView(Deno.UnsafePointer.create(0x5000n)).getUint8();`,
  ],
  "a read right behind an open region": [
    "SIGSEGV",
    `const foreign = C.mmap(null, 4 * PAGE, C.PROT_NONE, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    const address = Deno.UnsafePointer.value(foreign);
    C.munmap(foreign, 2 * PAGE);
    Deno.writeFileSync(path, pattern(2 * PAGE));
    const inFront = MmapRegion.open(path, { address, guard: ON });
    assertEquals(Deno.UnsafePointer.value(Deno.UnsafePointer.of(inFront.bytes)), address);
    new Deno.UnsafePointerView(Deno.UnsafePointer.offset(foreign, 2 * PAGE)).getUint8();`,
  ],
  "a write to a foreign read-only page": [
    "SIGSEGV",
    `const address = C.mmap(null, PAGE, C.PROT_READ, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, PAGE))[0] = 1;`,
  ],
  "a read of a foreign map of a truncated file": [
    "SIGBUS",
    `const fd = C.memfd_create("foreign", 0);
    C.ftruncate(fd, PAGE);
    const address = C.mmap(null, PAGE, C.PROT_READ, C.MAP_SHARED, fd, 0);
    C.ftruncate(fd, 0);
    new Deno.UnsafePointerView(address).getUint8();`,
  ],
};

for (const [name, [signal, body]] of Object.entries(DEADLY)) {
  for (const guarded of [false, true]) {
    Deno.test(
      `${name} ends the process by ${signal}, ${guarded ? "with" : "without"} a guard`,
      TEST,
      () =>
        withTempDir((dir) =>
          assertDiesBy(
            signal,
            `${STATES}
          const ON = ${guarded};
          if (ON) {
            const region = faulty();
            assertEquals([region.bytes[0], region.faults], [0, 1]);
            useSignals(1);
          }
          assertEquals(MmapRegion.guardState(), ON ? "on" : "off");
          console.log("ready");
          ${body}
          console.log("lived");`,
            { args: [dir] },
          )
        ),
    );
  }
}

Deno.test(
  "executing a missing page ends the process by SIGBUS, and not in an endless loop",
  TEST,
  () =>
    withTempDir((dir) =>
      assertDiesBy(
        "SIGBUS",
        `const path = makeFile(2 * PAGE);
      const region = MmapRegion.open(path, { executable: true });
      truncate(path, 0);
      const code = new Deno.UnsafeFnPointer(
        Deno.UnsafePointer.of(region.bytes.subarray(PAGE)),
        { parameters: [], result: "void" },
      );
      console.log("ready");
      code.call();`,
        { args: [dir] },
      )
    ),
);

for (const signal of ["SIGSEGV", "SIGBUS"] as const) {
  Deno.test(`${signal} that another process sends ends the process`, TEST, async () => {
    await using child = new Child(`
      import { MmapRegion } from "@mmap/mmap";
      const region = MmapRegion.anonymous(8192, { sharing: "private" });
      region.protect("read");
      region.bytes[0] = 1;
      console.log(region.faults, MmapRegion.guardState());
      setInterval(() => {}, 1000);
    `);
    assertEquals(await child.readLine(), "1 on");
    child.kill(signal);
    assertEquals((await child.ended()).signal, signal);
  });
}
