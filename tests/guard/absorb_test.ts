/** The handler where several threads meet the same page: called as the kernel calls it. */

import { assertDiesBy, assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_absorb.ts", import.meta.url);

/** Registers an action that gets a directory and must live. */
function test(name: string, action: string): void {
  Deno.test({
    name,
    ignore,
    fn: () =>
      withTempDir(async (dir) => {
        await assertLives(PROGRAM, { args: [action, dir] });
      }),
  });
}

test(
  "guard_handler leaves a page that another thread has put there since the fault",
  "leavePageOfAnother",
);

test(
  "guard_handler leaves a private copy that another thread has made since the fault",
  "leaveCopyOfAnother",
);

test(
  "guard_handler leaves a range alone that another thread is changing, and takes over from a dead one",
  "leaveRangeOfAnother",
);

test(
  "guard_handler absorbs a fault of the thread that is changing the range itself",
  "absorbOwn",
);

test(
  "guard_handler goes on where a closed region has left zeros since the fault",
  "goOnAfterClose",
);

Deno.test(
  "Two threads that touch the same missing pages lose nothing",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        PROGRAM,
        { args: ["writeTogether", dir] },
      );
    }),
);

Deno.test(
  "MmapRegion is guarded where a terminated Worker's sharedBuffer() was",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        PROGRAM,
        { args: ["guardTheSamePlace", dir] },
      );
    }),
);

Deno.test(
  "sharedBuffer() of a terminated Worker stays guarded for who was given it",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        PROGRAM,
        { args: ["guardWhatWasGiven", dir] },
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
        PROGRAM,
        { args: ["dieWhereItWas", dir] },
      );
    }),
);
