/** Mutex and Futex together with C programs that use languages/c/mmap_sync.h. */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { Futex, Mutex } from "@mmap/mmap/sync";
import { F_RDLCK } from "../../ffi/constants.ts";
import { repetitions } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { lockRange } from "../_file_locks.ts";
import { needsC } from "../_gcc.ts";
import { patchWindows } from "../_windows_library.ts";
import { type Both, withCPeer, withCPeerInMemory } from "./_c_peer.ts";
import { nameIn } from "../wait/_names.ts";

const WAITERS_BIT = 0x80000000 | 0;

const ignore = Deno.build.os === "darwin" || needsC.ignore;

function testWithC(name: string, body: (both: Both) => Promise<void>): void {
  Deno.test({ name, ignore, fn: () => withCPeer(body) });
}

const PARTNER = new URL("_c_partner.ts", import.meta.url);

testWithC("Mutex is held by a C program, and lock() waits for it", async ({ region, peer }) => {
  const mutex = new Mutex(region);
  assertEquals(await peer.ask("lock"), "0");
  const [state, fingerprint] = region.view(Int32Array, 0, 2);
  assertEquals(`${state}`, await peer.ask("number"));
  assertEquals(`${fingerprint}`, await peer.ask("fingerprint"));
  assertEquals(mutex.tryLock(), null);
  await assertRejects(() => mutex.lock({ timeoutMs: 1 }), Deno.errors.TimedOut);
  const waiting = mutex.lock();
  assertEquals(Atomics.load(region.view(Int32Array, 0, 1), 0), state! | WAITERS_BIT);
  assertEquals(await peer.ask("unlock"), "0");
  using guard = await waiting;
  assertEquals(guard.ownerDied, false);
});

testWithC("Mutex is held here, and a C program waits for it", async ({ region, peer }) => {
  const words = region.view(Int32Array, 0, 2);
  const guard = new Mutex(region).lockSync();
  assertEquals([...words], [nameIn(region).number, nameIn(region).fingerprint]);
  assertEquals(await peer.ask("trylock"), "busy");
  const waiting = peer.ask("lock");
  // The bit is what the C program leaves before it sleeps.
  while (Atomics.load(words, 0) >= 0) await new Promise((resolve) => setTimeout(resolve, 1));
  guard.unlock();
  assertEquals(await waiting, "0");
  assertEquals(`${Atomics.load(words, 0) & ~WAITERS_BIT}`, await peer.ask("number"));
  assertEquals(await peer.ask("unlock"), "0");
  assertEquals([...words], [0, 0]);
});

testWithC("Mutex lets Deno and C count together without loss", async ({ path, region, peer }) => {
  await using child = new Child(PARTNER, { args: ["count", path] });
  assertEquals(await child.readLine(), "ready");
  assertEquals(await peer.ask("count 20000"), "0");
  assertEquals(await child.readLine(), "done");
  assertEquals(region.view(Int32Array, 128, 1)[0], 40_000);
  assertEquals([...region.view(Int32Array, 0, 2)], [0, 0]);
});

testWithC("Mutex is recovered from a C program that was killed", async ({ region, peer }) => {
  const mutex = new Mutex(region);
  assertEquals(await peer.ask("lock"), "0");
  const waiting = mutex.lock();
  await peer.killed();
  const guard = await waiting;
  assert(guard.ownerDied);
  guard.unlock();
  using next = mutex.lockSync();
  assertEquals(next.ownerDied, false);
});

testWithC("Mutex is recovered by a C program from Deno, killed", async ({ path, region, peer }) => {
  const child = new Child(PARTNER, { args: ["hold", path] });
  {
    await using _child = child;
    assertEquals(await child.readLine(), "locked");
    assertEquals(await peer.ask("trylock"), "busy");
  }
  assertEquals(await peer.ask("lock"), "owner died");
  assertEquals(`${region.view(Int32Array, 4, 1)[0]}`, await peer.ask("fingerprint"));
  assertEquals(await peer.ask("unlock"), "0");
  assertEquals(new Mutex(region).tryLock()?.ownerDied, false);
});

testWithC(
  "Mutex is recovered by a C program that waits as Deno is killed",
  async ({ path, region, peer }) => {
    await using child = new Child(PARTNER, { args: ["hold", path] });
    assertEquals(await child.readLine(), "locked");
    const state = region.view(Int32Array, 0, 1);
    const waiting = peer.ask("lock");
    while (Atomics.load(state, 0) >= 0) await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill();
    assertEquals(await waiting, "owner died");
  },
);

testWithC("Futex is woken by a C program", async ({ region, peer }) => {
  const futex = new Futex(region, 64);
  const waiting = futex.wait(0);
  // It sleeps some time after the call. The word stays as it is: only the wake-up ends the wait.
  while (await peer.ask("wake 0") === "0");
  assertEquals(await waiting, "ok");
});

testWithC("Futex.wake() wakes a C program", async ({ region, peer }) => {
  const futex = new Futex(region, 64);
  futex.store(7);
  const waiting = peer.ask("wait 7");
  // It sleeps some time after the command was sent: nobody is woken before that.
  while (futex.wake() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  futex.store(8);
  futex.wake();
  assertEquals(await waiting, "8");
});

testWithC("Futex.wake() ends the wait of a C program, whatever the word is", async (given) => {
  const futex = new Futex(given.region, 64);
  const waiting = given.peer.ask("wait-once 0");
  while (futex.wake() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(await waiting, "0");
});

Deno.test({
  name: "Futex.wake() by a process that is killed before it sets the event wakes a C program",
  ignore: ignore || Deno.build.os !== "windows",
  fn: () =>
    withCPeerInMemory(async ({ region, peer }) => {
      const futex = new Futex(region, 64);
      const waiting = peer.ask("wait-once 0");
      const restore = patchWindows({ SetEvent: () => 1 });
      while (futex.wake() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      restore();
      assertEquals(await waiting, "0");
    }),
});

/** No wake-up takes so long. */
const LONG = { timeoutMs: 20_000 };

const TURNS = 10 * repetitions(2000);

Deno.test({
  name: `Futex loses none of ${TURNS} wake-ups between Deno and C`,
  ignore,
  fn: () =>
    withCPeerInMemory(async ({ region, peer }) => {
      const futex = new Futex(region, 64);
      const ended = peer.ask(`turns ${TURNS}`);
      for (let i = 0; i < TURNS; i++) {
        futex.store(1);
        futex.wake();
        while (futex.load() === 1) {
          // The first one is awaited: the command is sent meanwhile.
          const result = i % 2 === 0 ? await futex.wait(1, LONG) : futex.waitSync(1, LONG);
          assertNotEquals(result, "timed-out", `turn ${i}`);
        }
      }
      assertEquals(await ended, "0");
    }),
});

testWithC("a C program waits for nobody who has locked the whole file", async ({ path, peer }) => {
  assertEquals(await peer.ask("token 0"), "0");
  const unlock = lockRange(path, F_RDLCK, 0n);
  assertEquals(await peer.ask("token 0"), Deno.build.os === "windows" ? "busy" : "again");
  unlock();
  assertEquals(await peer.ask("token 0"), "0");
});

Deno.test({
  name: "Mutex that mmap_map has not mapped cannot be waited for by a C program on Windows",
  ignore: ignore || Deno.build.os !== "windows",
  fn: () =>
    withCPeer(async ({ peer }) => {
      assertEquals(await peer.ask("lock-elsewhere 0"), "owner died"); // this takes no wait
      assertEquals(await peer.ask("lock-elsewhere 1"), "invalid");
    }),
});
