/** Processes of several namespaces and users: who lives is robbed by none of them. */

import { assertEquals } from "@std/assert";
import { SharedMap } from "@mmap/mmap/collections";
import { MISSING, SPACES } from "./_spaces.ts";
import { withPeers } from "./_things.ts";

for (const { name, why } of MISSING) {
  Deno.test({ name: `a program in ${name} (${why})`, ignore: true, fn: () => {} });
}

/** One peer in each space, and a second one in the first. */
const ALL = SPACES.length === 0 ? [] : [...SPACES, SPACES[0]!];
const ignore = SPACES.length === 0;

for (const space of SPACES) {
  Deno.test(`nobody takes what a living holder in ${space.name} has`, () =>
    withPeers(async ([holder, ...others]) => {
      assertEquals(await holder!.ask("hold"), "held");
      for (const other of others) {
        assertEquals([other.space.name, await other.ask("steal")], [other.space.name, []]);
      }
    }, [space, ...SPACES]));
}

Deno.test({
  name: "a Mutex counts exactly between namespaces and users",
  ignore,
  fn: () =>
    withPeers(async (peers, dir) => {
      const done = await Promise.all(peers.map((peer) => peer.ask("count 1500")));
      assertEquals(done, peers.map(() => "counted"));
      const cells = new Int32Array(Deno.readFileSync(`${dir}/sync`).buffer);
      assertEquals(cells[64], 1500 * peers.length);
    }, ALL),
});

Deno.test({
  name: "an RwLock never lets a reader in beside a writer of another namespace or user",
  ignore,
  fn: () =>
    withPeers(async (peers, dir) => {
      const done = await Promise.all(peers.map((peer) => peer.ask("write 300")));
      assertEquals(done, peers.map(() => "written"));
      const cells = new Int32Array(Deno.readFileSync(`${dir}/sync`).buffer);
      assertEquals([cells[65], cells[66]], [150 * peers.length, 150 * peers.length]);
    }, ALL),
});

Deno.test({
  name: "a Channel with ends in many namespaces delivers every message once",
  ignore,
  fn: () =>
    withPeers(async (peers) => {
      const senders = peers.filter((_, i) => i % 2 === 0);
      const receivers = peers.filter((_, i) => i % 2 === 1);
      const total = 300 * senders.length * receivers.length;
      const each = total / receivers.length;
      const sums = receivers.map((peer) => peer.ask(`receive ${each}`));
      const per = total / senders.length;
      await Promise.all(senders.map((peer) => peer.ask(`send ${per}`)));
      const sum = (await Promise.all(sums)).reduce((a, b) => a + b, 0);
      assertEquals(sum, senders.length * per * (per + 1) / 2);
    }, ALL),
});

Deno.test({
  name: "a SharedMap stays whole between namespaces and users, also when its writers are killed",
  ignore,
  fn: () =>
    withPeers(async (peers, dir) => {
      const [first, ...others] = peers;
      await first!.tell("churn");
      const keys = others.map((peer) => peer.ask("set 400"));
      await first!.kill();
      using map = SharedMap.open(`${dir}/map`);
      for (const key of await Promise.all(keys)) {
        assertEquals([...map.get(key)!], [0]);
        for (let i = 0; i < 50; i++) {
          const value = map.get(`${key} ${i}`);
          if (value !== undefined) assertEquals(value.length, 8);
        }
      }
      assertEquals([...map.keys()].length, map.size);
    }, ALL),
});
