/** The table of sleepers on Windows: who looks at a slot while others come, go and die. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import { ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND } from "../../ffi/windows/errors.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { type Key, Sleeper, wake, WakeEvent } from "../../src/os/windows/sleepers.ts";
import { onWindows, patchWindows } from "../_windows_library.ts";

/** Two keys of one bucket that nobody else has. */
function newKeys(): [Key, Key] {
  const [low, high] = crypto.getRandomValues(new Int32Array(2)) as unknown as [number, number];
  return [{ low, high }, { low: high, high: low }];
}

/** Calls `use` while events cannot be opened. */
function withoutEvents<T>(error: number, use: () => T): T {
  const unpatch = patchWindows({ OpenEventW: () => (lastError[0] = error, 0) });
  try {
    return use();
  } finally {
    unpatch();
  }
}

onWindows("who has read a slot does not wake the next sleeper in it", () => {
  const [key, other] = newKeys();
  const first = Sleeper.begin(key, 0, new WakeEvent())!;
  let next: Sleeper | undefined;
  const { OpenEventW } = windows();
  const unpatch = patchWindows({
    OpenEventW: (...args) => {
      first.end();
      next = Sleeper.begin(other, 0, new WakeEvent());
      return OpenEventW(...args);
    },
  });
  try {
    assertEquals(wake(key, 1), 0);
  } finally {
    unpatch();
  }
  assertEquals(next!.isWoken, false);
  assertEquals([wake(other, 1), next!.isWoken, next!.end()], [1, true, true]);
});

onWindows("who has taken a sleeper for dead does not free the next one's slot", () => {
  const [key, other] = newKeys();
  const first = Sleeper.begin(key, 0, new WakeEvent())!;
  let next: Sleeper | undefined;
  const unpatch = patchWindows({
    OpenEventW: () => {
      first.end();
      next = Sleeper.begin(other, 0, new WakeEvent());
      return lastError[0] = ERROR_FILE_NOT_FOUND, 0;
    },
  });
  try {
    assertEquals(wake(key, 1), 0);
  } finally {
    unpatch();
  }
  assertEquals([wake(other, 1), next!.end()], [1, true]);
});

onWindows("a sleeper whose event cannot be opened is not dead", () => {
  const [key] = newKeys();
  const sleeper = Sleeper.begin(key, 0, new WakeEvent())!;
  assertEquals(withoutEvents(ERROR_ACCESS_DENIED, () => wake(key, 1)), 0);
  assertEquals([wake(key, 1), sleeper.end()], [1, true]);
});

onWindows("a wait ends if who wakes is killed before it sets the event", async () => {
  using region = MmapRegion.anonymous(4096);
  const futex = new Futex(region);
  const waiting = futex.wait(0);
  const restore = patchWindows({ SetEvent: () => 1 });
  while (futex.wake() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  restore();
  assertEquals(await waiting, "ok");
});

onWindows("a sleeper that dies while it gives its slot back is not counted off twice", () => {
  const [key, other] = newKeys();
  const dying = Sleeper.begin(key, 0, new WakeEvent())!;
  const sleeper = Sleeper.begin(other, 0, new WakeEvent())!;
  type Step = (cells: Int32Array, at: number, value: number) => number;
  const { exchange, sub }: Record<"exchange" | "sub", Step> = Atomics;
  let steps = 0;
  /** Only the first step of two is done. */
  const orDie = (step: Step): Step => (...args) => {
    if (steps++ === 0) return step(...args);
    throw new Error("dead");
  };
  Object.assign(Atomics, { exchange: orDie(exchange), sub: orDie(sub) });
  try {
    assertThrows(() => dying.end(), Error, "dead");
  } finally {
    Object.assign(Atomics, { exchange, sub });
  }
  withoutEvents(ERROR_FILE_NOT_FOUND, () => wake(key, 1));
  assertEquals([wake(other, 1), sleeper.end()], [1, true]);
});

onWindows("what was opened for sleepers that have ended is closed", () => {
  const [key] = newKeys();
  const { CloseHandle, OpenEventW, OpenThread, WaitForSingleObject } = windows();
  const open = new Set<number>();
  /** Those who were woken have ended. */
  const ended = new Set<bigint>();
  const opening = <T extends unknown[]>(call: (...args: T) => number) => (...args: T): number => {
    const handle = call(...args);
    open.add(handle);
    return handle;
  };
  const unpatch = patchWindows({
    OpenEventW: opening(OpenEventW),
    OpenThread: opening(OpenThread),
    CloseHandle: (
      handle,
    ) => (open.delete(Number(handle)), ended.delete(handle), CloseHandle(handle)),
    WaitForSingleObject: (handle, timeout) =>
      ended.has(handle) ? 0 : WaitForSingleObject(handle, timeout),
  });
  try {
    for (let i = 0; i < 1000; i++) {
      const sleeper = Sleeper.begin(key, 0, new WakeEvent())!;
      assertEquals([wake(key, 1), sleeper.end()], [1, true]);
      for (const handle of open) ended.add(BigInt(handle));
    }
  } finally {
    unpatch();
  }
  assertEquals(open.size < 300, true, `${open.size} are open`);
});
