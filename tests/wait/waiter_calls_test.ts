/** What the waiter asks of the system, with a stand-in for the call that parks. */

import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import { assertEquals } from "@std/assert";
import type { ManyWaiting } from "../../src/os/system.ts";
import { withSystem } from "../_fake_system.ts";
import { addressOfRegion } from "../_regions.ts";

/** A parked call: the addresses that it waits for. */
interface Call {
  readonly addresses: number[];
  /** @param woken which of them was woken; undefined if it is not known */
  end(woken?: number): void;
}

/** Runs `body` with calls that end when the test says so. */
async function withCalls(body: (next: () => Promise<Call>) => Promise<void>): Promise<void> {
  const made: Call[] = [];
  let tell = (): void => {};
  const calls: ManyWaiting = {
    capacity: 127,
    park(entries): Promise<number | undefined> {
      const { promise, resolve } = Promise.withResolvers<number | undefined>();
      made.push({ addresses: entries.map(({ address }) => address), end: resolve });
      tell();
      return promise;
    },
    interrupt: () => made.at(-1)?.end(),
  };
  let seen = 0;
  const next = async (): Promise<Call> => {
    while (made.length === seen) await new Promise<void>((resolve) => tell = resolve);
    return made[seen++]!;
  };
  await withSystem({ waiting: { many: () => calls } }, () => body(next));
}

Deno.test({
  name: "Futex.wait() joins the call that is parked, and an abort leaves it",
  fn: () =>
    withCalls(async (next) => {
      using region = MmapRegion.anonymous(4096);
      const [first, second] = [new Futex(region, 0), new Futex(region, 64)];
      const address = Number(addressOfRegion(region));
      const waiting = first.wait(0);
      assertEquals((await next()).addresses, [address]);
      const controller = new AbortController();
      const joined = second.wait(0, { signal: controller.signal });
      assertEquals((await next()).addresses, [address, address + 64]);
      controller.abort("enough");
      const last = await next();
      assertEquals(last.addresses, [address]);
      assertEquals(await joined.catch((reason) => reason), "enough");
      last.end(0);
      assertEquals(await waiting, "ok");
    }),
});

Deno.test({
  name: "Futex.wait() waits for one word once, and all who wait for it are woken",
  fn: () =>
    withCalls(async (next) => {
      using region = MmapRegion.anonymous(4096);
      const futexes = [new Futex(region), new Futex(region), new Futex(region)];
      const waiting = futexes.map((futex) => futex.wait(0));
      const call = await next();
      assertEquals(call.addresses.length, 1);
      call.end(0);
      assertEquals(await Promise.all(waiting), ["ok", "ok", "ok"]);
    }),
});

Deno.test({
  name: "Futex.wait() waits for more words than one call takes in turns",
  fn: () =>
    withCalls(async (next) => {
      using region = MmapRegion.anonymous(64 * 300);
      const futexes = Array.from({ length: 300 }, (_, i) => new Futex(region, 64 * i));
      const waiting = futexes.map((futex) => futex.wait(0));
      const waitedFor = new Set<number>();
      for (let i = 0; i < 2; i++) {
        const call = await next();
        assertEquals(call.addresses.length, 127);
        call.addresses.forEach((address) => waitedFor.add(address));
        call.end();
      }
      const call = await next();
      call.addresses.forEach((address) => waitedFor.add(address));
      assertEquals(waitedFor.size, 300);
      for (const futex of futexes) futex.store(1);
      call.end();
      await Promise.all(waiting);
    }),
});
