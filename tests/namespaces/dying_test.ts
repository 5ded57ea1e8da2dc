/** Holders that are killed, in every space, and others in every space that notice it. */

import { assertEquals } from "@std/assert";
import { SPACES } from "./_spaces.ts";
import { withPeers } from "./_things.ts";

for (const space of SPACES) {
  Deno.test(`all that a killed holder in ${space.name} had is given on`, async (t) => {
    for (const other of SPACES) {
      await t.step(`to ${other.name}`, () =>
        withPeers(async ([holder, heir]) => {
          assertEquals(await holder!.ask("hold"), "held");
          assertEquals(await heir!.ask("steal"), []);
          await holder!.kill();
          assertEquals(await heir!.ask("followed"), true);
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

for (const space of SPACES) {
  Deno.test(`a party, a notifier and a writer that are killed in ${space.name} hold nobody up`, () =>
    withPeers(async ([victim, ...others]) => {
      for (const other of others) await other.ask("attend");
      await victim!.ask("come");
      await victim!.ask("seize");
      await victim!.tell("rewrite");
      await victim!.kill();
      const deaths = await Promise.all(others.map((other) => other.ask("notified")));
      assertEquals(deaths.filter((died) => died).length, 1);
      for (const [i, other] of others.entries()) {
        const { name } = other.space;
        assertEquals([name, await other.ask("meet 100")], [name, false]);
        assertEquals([name, await other.ask(`renew ${i}`)], [name, true]);
      }
      const met = others.slice(0, 2).map((other) => other.ask("meet 20000"));
      assertEquals(await Promise.all(met), [true, true]);
    }, [space, ...SPACES]));
}
