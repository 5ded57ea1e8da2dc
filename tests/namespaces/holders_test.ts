/** Who is shown as the holder of a lock, to whom. */

import { assertEquals } from "@std/assert";
import { SPACES } from "./_spaces.ts";
import { withPeers } from "./_things.ts";

/** Where the numbers of processes are those of the first space, and /proc shows everybody's. */
const SEES_ALL = ["the same namespaces", "another time namespace"];
/** Where /proc shows a user's own processes alone. */
const SEES_OWN = "another user, who sees no processes of others";
/** Where a process has the number that it has in the first space. */
const HAS_NUMBER = [
  ...SEES_ALL,
  "a mount namespace without /proc",
  SEES_OWN,
];

for (const space of SPACES) {
  Deno.test(`Mutex.holder and RwLock.holders() tell everybody of a holder in ${space.name}`, () =>
    withPeers(async ([holder, ...others]) => {
      const own = await holder!.ask("pid");
      for (const other of others) assertEquals(await other.ask("holders"), [null]);
      await holder!.ask("hold");
      const itself = { pid: own, tid: own, alive: true };
      assertEquals(await holder!.ask("holders"), [itself, itself, itself]);
      for (const other of others) {
        const isSeen = SEES_ALL.includes(other.space.name) && HAS_NUMBER.includes(space.name) ||
          other.space.name === SEES_OWN && space.name === SEES_OWN;
        const shown = { ...itself, pid: isSeen ? own : null };
        const seen = await other.ask("holders");
        assertEquals([other.space.name, ...seen], [other.space.name, shown, shown, shown]);
      }
      await holder!.kill();
      for (const other of others) {
        const dead = { pid: null, tid: own, alive: false };
        const seen = await other.ask("holders");
        assertEquals([other.space.name, ...seen], [other.space.name, dead, dead, dead]);
      }
    }, [space, ...SPACES]));
}
