/** Searching at the edge of memory, and in files that another process makes shorter. */

import { assertLives, ignore, livesOnBothFileSystems } from "../_faults.ts";

const PROGRAM = new URL("_search.ts", import.meta.url);

Deno.test("searches touch no byte outside of their range", { ignore }, async () => {
  // Pages without any rights before and behind the bytes: touching them ends the child.
  await assertLives(PROGRAM, { args: ["searchAtTheEdge"] });
});

livesOnBothFileSystems(
  "indexOf(), count() and lines() of a truncated file find zeros, and check() tells",
  PROGRAM,
  ["searchCutOff"],
);

livesOnBothFileSystems(
  "indexOf() survives a file that is truncated while it is searched",
  PROGRAM,
  ["searchWhileItIsCut"],
);
