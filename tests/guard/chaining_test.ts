/** What the guard does not absorb goes where it went before. */

import { assertDiesBy, assertLives, ignore } from "../_faults.ts";
import { assertEquals } from "@std/assert";
import { Child } from "../_child.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_chaining.ts", import.meta.url);

const TEST = { ignore };

Deno.test(
  "the guard leaves stack overflows and WebAssembly's traps to V8",
  TEST,
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        PROGRAM,
        { args: ["leaveToV8", dir] },
      );
    }),
);

Deno.test(
  "the guard leaves stack overflows and traps of a Worker to V8",
  TEST,
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        PROGRAM,
        { args: ["leaveToV8InWorkers", dir] },
      );
    }),
);

/** What must end a process, with and without a guard that has absorbed something already. */
const DEADLY: Record<string, Deno.Signal> = {
  "a read from an address where nothing is": "SIGSEGV",
  "a read right behind an open region": "SIGSEGV",
  "a write to a foreign read-only page": "SIGSEGV",
  "a read of a foreign map of a truncated file": "SIGBUS",
};

for (const [name, signal] of Object.entries(DEADLY)) {
  for (const guarded of [false, true]) {
    Deno.test(
      `${name} ends the process by ${signal}, ${guarded ? "with" : "without"} a guard`,
      TEST,
      () =>
        withTempDir((dir) =>
          assertDiesBy(
            signal,
            PROGRAM,
            { args: ["die", dir, name, guarded] },
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
        PROGRAM,
        { args: ["execute", dir] },
      )
    ),
);

for (const signal of ["SIGSEGV", "SIGBUS"] as const) {
  Deno.test(`${signal} that another process sends ends the process`, TEST, async () => {
    await using child = new Child(PROGRAM, { args: ["beKilled"] });
    assertEquals(await child.readLine(), "1 on");
    child.kill(signal);
    assertEquals((await child.ended()).signal, signal);
  });
}
