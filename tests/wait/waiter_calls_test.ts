/** What the waiter asks of the kernel, with a stand-in for the call that parks. */

import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import { assertEquals } from "@std/assert";
import { FUTEX_WAKE } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { addressOfRegion, withLibc } from "../_regions.ts";

const ignore = Deno.build.os !== "linux";
const ENTRY_BYTE_LENGTH = 24;
const FUTEX_PRIVATE_FLAG = 128;

/** A parked call: the addresses that it waits for, without the waiter's own. */
interface Call {
  readonly addresses: number[];
  end(result: bigint): void;
}

/** Runs `body` with calls that end when the test says so. */
async function withCalls(body: (next: () => Promise<Call>) => Promise<void>): Promise<void> {
  const made: Call[] = [];
  let tell = (): void => {};
  const park = (_number: bigint, bytes: Uint8Array, count: number): Promise<bigint> => {
    const view = new DataView(bytes.buffer);
    const addresses = Array.from(
      { length: count - 1 },
      (_, i) => Number(view.getBigUint64(i * ENTRY_BYTE_LENGTH + 8, true)),
    );
    const { promise, resolve } = Promise.withResolvers<bigint>();
    made.push({ addresses, end: resolve });
    tell();
    return promise;
  };
  const { futex } = libc();
  const interrupt: typeof futex = (...args) => {
    if (args[2] !== (FUTEX_WAKE | FUTEX_PRIVATE_FLAG)) return futex(...args);
    const { addresses, end } = made.at(-1)!;
    end(BigInt(addresses.length)); // the waiter's own word was woken
    return 1;
  };
  let seen = 0;
  const next = async (): Promise<Call> => {
    while (made.length === seen) await new Promise<void>((resolve) => tell = resolve);
    return made[seen++]!;
  };
  // deno-lint-ignore no-explicit-any -- the table gives each call its own type
  await withLibc({ futexWaitvOffThread: park as any, futex: interrupt }, () => body(next));
}

Deno.test({
  name: "Futex.wait() joins the call that is parked, and an abort leaves it",
  ignore,
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
      last.end(0n);
      assertEquals(await waiting, "ok");
    }),
});

Deno.test({
  name: "Futex.wait() waits for one word once, and all who wait for it are woken",
  ignore,
  fn: () =>
    withCalls(async (next) => {
      using region = MmapRegion.anonymous(4096);
      const futexes = [new Futex(region), new Futex(region), new Futex(region)];
      const waiting = futexes.map((futex) => futex.wait(0));
      const call = await next();
      assertEquals(call.addresses.length, 1);
      call.end(0n);
      assertEquals(await Promise.all(waiting), ["ok", "ok", "ok"]);
    }),
});

Deno.test({
  name: "Futex.wait() waits for more words than one call takes in turns",
  ignore,
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
        call.end(-1n);
      }
      const call = await next();
      call.addresses.forEach((address) => waitedFor.add(address));
      assertEquals(waitedFor.size, 300);
      for (const futex of futexes) futex.store(1);
      call.end(-1n);
      await Promise.all(waiting);
    }),
});
