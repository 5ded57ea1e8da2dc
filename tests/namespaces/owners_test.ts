/** Named memory whose owners are in other namespaces, or of other users; in a /dev/shm of its own. */

import { assertEquals } from "@std/assert";
import { CAN_BE_PRIVATE, PrivateShm } from "../cli/_private_shm.ts";
import { SPACES } from "./_spaces.ts";
import { withPeers } from "./_things.ts";

const NOBODY = /another user/;
const OTHER_PIDS = /PID namespace/;

/** Making named memory needs /proc; asking who owns it does not. */
const MAKERS = CAN_BE_PRIVATE ? SPACES.filter(({ name }) => !/without \/proc/.test(name)) : [];

/** Whether a program in one space has a number for one in another. */
function hasNumber(owner: string, asker: string): boolean {
  if (OTHER_PIDS.test(owner) || OTHER_PIDS.test(asker)) return false;
  if (NOBODY.test(asker)) return NOBODY.test(owner); // its own processes it sees
  return !/without/.test(asker);
}

for (const maker of MAKERS) {
  Deno.test(`an owner in ${maker.name} is alive for all, and dead once it is killed`, async () => {
    await using shm = await PrivateShm.make();
    const enter = (shm.options.prefix ?? []).join(" ");
    const spaces = [maker, ...SPACES].map(({ name, prefix }) => ({
      name,
      prefix: `${enter} ${prefix}`,
    }));
    await withPeers(async ([owner, ...others]) => {
      assertEquals(await owner!.ask("make thing"), "made");
      for (const other of others) {
        const { pid, alive } = await other.ask("owner thing");
        const from = other.space.name;
        const numbered = hasNumber(maker.name, from);
        assertEquals([from, alive, typeof pid === "number"], [from, true, numbered]);
        assertEquals([from, await other.ask("reap")], [from, []]);
        assertEquals((await other.ask("owner thing")).alive, true);
      }
      await owner!.kill();
      for (const other of others) assertEquals((await other.ask("owner thing")).alive, false);
      for (const other of others.filter(({ space }) => NOBODY.test(space.name))) {
        if (!NOBODY.test(maker.name)) assertEquals(await other.ask("reap"), []); // it may not
      }
      assertEquals(await others[0]!.ask("reap"), ["thing"]);
      assertEquals(await shm.shell("ls -A /dev/shm"), "");
    }, spaces);
  });
}
