/** Holders that are killed, in every space, and others in every space that notice it. */

import { assertEquals } from "@std/assert";
import { type Peer, SPACES } from "./_spaces.ts";
import { withPeers } from "./_things.ts";

/** Where anonymous memory can be given by its handle: the server opens the client's. */
const SAME_PIDS = SPACES.filter(({ name }) => /same|time/.test(name));

for (const space of SPACES) {
  Deno.test(`all that a killed holder in ${space.name} had is given on`, async (t) => {
    for (const other of SPACES) {
      await t.step(`to ${other.name}`, () =>
        withPeers(async ([holder, heir]) => {
          assertEquals(await holder!.ask("hold"), "held");
          assertEquals(await heir!.ask("steal"), []);
          await holder!.kill();
          assertEquals(await heir!.ask("inherit"), {
            mutex: true,
            writer: true,
            reader: false,
            once: 1,
          });
          assertEquals(await heir!.ask("lost"), [true, true]);
        }, [space, other]));
    }
  });
}

for (const wait of ["wait", "waitSync"]) {
  Deno.test(`a waiter in each space gets the mutex of a holder that is killed (${wait})`, async () => {
    for (const space of SPACES) {
      await withPeers(async ([holder, waiter]) => {
        await holder!.ask("hold");
        const waiting = waiter!.ask(wait);
        await holder!.kill();
        assertEquals([space.name, await waiting], [space.name, true]);
      }, [SPACES.at(-1)!, space]);
    }
  });
}

Deno.test("a waiter that is killed is in nobody's way", async () => {
  for (const space of SPACES) {
    await withPeers(async ([holder, waiter, next]) => {
      await holder!.ask("hold");
      await waiter!.tell("waitSync");
      const waiting = next!.ask("wait");
      await waiter!.kill();
      await holder!.ask("release");
      assertEquals(await waiting, false);
    }, [SPACES[0]!, space, SPACES.at(-1)!]);
  }
});

Deno.test({
  name: "calls notice the death of a server, and a server that of a client",
  ignore: SAME_PIDS.length === 0,
  fn: async () => {
    for (const there of SAME_PIDS) {
      for (const here of SAME_PIDS) {
        await withPeers(async ([server, client, other]) => {
          await server!.ask("serve");
          assertEquals(await client!.ask("call"), [1]);
          assertEquals(await other!.ask("call"), [1]);
          await client!.kill();
          assertEquals(await other!.ask("call"), [1]);
          await server!.kill();
          assertEquals(await other!.ask("reset"), true);
          await restart(other!);
        }, [there, here, SAME_PIDS[0]!]);
      }
    }
  },
});

/** The seat of a dead server is taken over. */
async function restart(peer: Peer): Promise<void> {
  assertEquals(await peer.ask("serve"), "served");
}
