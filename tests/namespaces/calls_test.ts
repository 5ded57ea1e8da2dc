/** Servers and clients in different spaces, and what each learns of the other's death. */

import { assertEquals } from "@std/assert";
import { type Peer, SPACES } from "./_spaces.ts";
import { withPeers } from "./_things.ts";

const NOBODY = /another user/;

for (const space of SPACES) {
  Deno.test(`a server in ${space.name} answers everybody, and each end learns of the other's death`, () =>
    withPeers(async ([server, next, ...all], dir) => {
      const names = () => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      const before = names();
      assertEquals(await server!.ask("serve"), "served");
      const callers: Peer[] = [];
      for (const client of all) {
        const { name } = client.space;
        // What other users make for themselves, only root may open.
        const isClosed = NOBODY.test(space.name) && !NOBODY.test(name);
        const answer = isClosed ? "PermissionDenied" : [1];
        assertEquals([name, await client.ask("call")], [name, answer]);
        if (!isClosed) callers.push(client);
      }
      assertEquals(names(), before);
      await server!.kill();
      for (const caller of callers) {
        assertEquals([caller.space.name, await caller.ask("reset")], [caller.space.name, true]);
      }
      // The seat of a dead server is taken over.
      assertEquals(await next!.ask("serve"), "served");
      for (const caller of callers) assertEquals(await caller.ask("call"), [1]);
      for (let left = callers.length; left > 0;) {
        await callers[--left]!.kill();
        assertEquals(await next!.ask(`clients ${left}`), left);
      }
      assertEquals(names(), before);
    }, [space, space, ...SPACES]));
}
