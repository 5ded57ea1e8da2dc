/** Waiting for words as Darwin does. */

import { assert, assertEquals } from "@std/assert";
import { Child } from "../_child.ts";
import type { Twin } from "../../tools/darwin/build.ts";
import {
  bytesAt,
  type Calls,
  MAP_ANON,
  MAP_PRIVATE,
  MAP_SHARED,
  PAGE,
  type Rule,
  testRules,
  text,
  withMemory,
} from "./_calls.ts";

const [SHARED, SHARED64, OWN] = [3, 6, 1];
const [WAKE_ALL, NO_ERRNO] = [0x100, 0x1000000];
const SHARED_FLAG = 1;
const CLOCK = 32;

/** A word that is 0, in memory of this process alone. */
function withWord<T>(calls: Calls, act: (address: bigint) => T): T {
  return withMemory(calls, { flags: MAP_PRIVATE | MAP_ANON }, (address) => {
    bytesAt(address, PAGE).fill(0);
    return act(address);
  });
}

/** How many wait for a word that is 0: who waits for another value is told at once. */
function waiting(calls: Calls, address: bigint, operation = SHARED): number {
  const count = calls.__ulock_wait(operation | NO_ERRNO, address, 1n, 0);
  assert(count >= 0, `waiting failed: ${count}`);
  return count;
}

async function untilWaiting(calls: Calls, address: bigint, count: number): Promise<void> {
  while (waiting(calls, address) !== count) await new Promise((done) => setTimeout(done, 1));
}

/** Runs `act` with a word that other processes wait for. */
async function withWaiters(
  calls: Calls,
  twin: Twin,
  count: number,
  act: (address: bigint, children: Child[]) => Promise<unknown>,
): Promise<unknown> {
  const name = `/twin.${crypto.randomUUID().slice(0, 18)}`;
  const fd = calls.shm_open(text(name), 0xa02, 0o600);
  calls.ftruncate(fd, BigInt(PAGE));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => void [calls.close(fd), calls.shm_unlink(text(name))]);
  const address = calls.mmap(0n, BigInt(PAGE), 3, MAP_SHARED, fd, 0n);
  bytesAt(address, PAGE).fill(0);
  const program = new URL("_waiter.ts", import.meta.url);
  const children = Array.from(
    { length: count },
    () => stack.use(new Child(program, { args: [twin.library, name, SHARED] })),
  );
  for (const child of children) assertEquals(await child.readLine(), "waits");
  await untilWaiting(calls, address, count);
  return await act(address, children);
}

const WAITS: Rule[] = [
  [
    "a wait for another value ends at once, without an error",
    (c) => withWord(c, (at) => c.said(c.__ulock_wait(SHARED, at, 7n, 1000))),
    0,
  ],
  [
    "a wait ends with its time",
    (c) => withWord(c, (at) => c.said(c.__ulock_wait(SHARED, at, 0n, 1000))),
    "E60",
  ],
  [
    "ULF_NO_ERRNO answers with the number itself",
    (c) => withWord(c, (at) => c.__ulock_wait2(SHARED | NO_ERRNO, at, 0n, 1_000_000n, 0n)),
    -60,
  ],
  [
    "__ulock_wait() of 0 microseconds has no end",
    async (c) => {
      const at = c.mmap(0n, BigInt(PAGE), 3, MAP_PRIVATE | MAP_ANON, -1, 0n);
      bytesAt(at, PAGE).fill(0);
      const ended = c.__ulock_waitOffThread(SHARED | NO_ERRNO, at, 0n, 0);
      await untilWaiting(c, at, 1);
      const woken = c.__ulock_wake(SHARED | NO_ERRNO, at, 0n);
      const results = [woken, await ended];
      c.munmap(at, BigInt(PAGE));
      return results;
    },
    [0, 0],
  ],
  [
    "an odd address, an unknown operation, an address where nothing is",
    (c) =>
      withWord(c, (at) => [
        c.said(c.__ulock_wait(SHARED, at + 2n, 0n, 1)),
        c.said(c.__ulock_wait(4, at, 0n, 1)),
        c.said(c.__ulock_wait(SHARED, BigInt(PAGE), 0n, 1)),
        c.said(c.__ulock_wake(SHARED, BigInt(PAGE), 0n)),
      ]),
    ["E22", "E22", "E22", "E22"],
  ],
  [
    "a page that is not in memory",
    (c) =>
      withMemory(c, { flags: MAP_PRIVATE | MAP_ANON }, (at) => {
        const before = c.said(c.__ulock_wait(SHARED, at, 7n, 1));
        bytesAt(at, 1)[0] = 0;
        return [before, c.said(c.__ulock_wait(SHARED, at, 7n, 1))];
      }),
    ["E14", 0],
  ],
  [
    "a wake where nobody waits",
    (c) =>
      withWord(
        c,
        (at) => [c.said(c.__ulock_wake(SHARED, at, 0n)), c.__ulock_wake(SHARED | NO_ERRNO, at, 0n)],
      ),
    ["E2", -2],
  ],
];

const BETWEEN_PROCESSES: Rule[] = [
  [
    "a wake reaches another process, at another address",
    (c, twin) =>
      withWaiters(c, twin, 1, async (at, [child]) => [
        c.said(c.__ulock_wake(SHARED, at, 0n)),
        await child!.readLine(),
      ]),
    [0, "0"],
  ],
  [
    "all who wait for a word wait in the same way, or it is EDOM; other keys do not meet",
    (c, twin) =>
      withWaiters(c, twin, 1, async (at, [child]) => {
        const answers = [
          c.said(c.__ulock_wake(SHARED64, at, 0n)),
          c.said(c.__ulock_wait(SHARED64, at, 0n, 1)),
          c.said(c.__ulock_wake(OWN, at, 0n)),
        ];
        c.__ulock_wake(SHARED, at, 0n);
        await child!.readLine();
        return answers;
      }),
    ["E33", "E33", "E2"],
  ],
  [
    "one that was woken counts until it has run",
    (c, twin) =>
      withWaiters(c, twin, 1, async (at, [child]) => {
        child!.kill("SIGSTOP");
        const status = `/proc/${child!.pid}/stat`;
        while (!Deno.readTextFileSync(status).includes(") T ")) {
          await new Promise((done) => setTimeout(done, 1));
        }
        const wakes = [1, 2, 3].map(() => c.said(c.__ulock_wake(SHARED, at, 0n)));
        const counted = waiting(c, at);
        child!.kill("SIGCONT");
        const line = await child!.readLine();
        return [wakes, counted, line, c.said(c.__ulock_wake(SHARED, at, 0n))];
      }),
    [[0, 0, 0], 1, "0", "E2"],
  ],
  [
    "one wake is for one, and ULF_WAKE_ALL for all",
    (c, twin) =>
      withWaiters(c, twin, 3, async (at, children) => {
        c.__ulock_wake(SHARED, at, 0n);
        await untilWaiting(c, at, 2);
        const rest = waiting(c, at);
        c.__ulock_wake(SHARED | WAKE_ALL, at, 0n);
        for (const child of children) await child.readLine();
        return [rest, waiting(c, at)];
      }),
    [2, 0],
  ],
  [
    "one that is killed waits no more",
    (c, twin) =>
      withWaiters(c, twin, 1, async (at, [child]) => {
        child!.kill();
        await child!.ended();
        return [waiting(c, at), c.said(c.__ulock_wake(SHARED, at, 0n))];
      }),
    [0, "E2"],
  ],
];

const OS_SYNC: Rule[] = [
  [
    "a wait of no time, of another clock, of another size, with another flag",
    (c) =>
      withWord(c, (at) => {
        const wait = c.os_sync_wait_on_address_with_timeout!;
        return [
          c.said(wait(at, 7n, 4n, SHARED_FLAG, CLOCK, 0n)),
          c.said(wait(at, 7n, 4n, SHARED_FLAG, 6, 1n)),
          c.said(wait(at, 7n, 2n, SHARED_FLAG, CLOCK, 1n)),
          c.said(wait(at, 7n, 4n, 2, CLOCK, 1n)),
          c.said(wait(at, 7n, 4n, SHARED_FLAG, CLOCK, 1n)),
        ];
      }),
    ["E22", "E22", "E22", "E22", 0],
  ],
  [
    "a wait ends with its time",
    (c) =>
      withWord(
        c,
        (at) =>
          c.said(
            c.os_sync_wait_on_address_with_timeout!(at, 0n, 4n, SHARED_FLAG, CLOCK, 1_000_000n),
          ),
      ),
    "E60",
  ],
  [
    "wakes reach who waits by __ulock_wait()",
    (c, twin) =>
      withWaiters(c, twin, 2, async (at, children) => {
        const answers = [
          c.said(c.os_sync_wake_by_address_any!(at, 8n, SHARED_FLAG)),
          c.said(c.os_sync_wake_by_address_any!(at, 4n, 0)),
          c.said(c.os_sync_wake_by_address_any!(at, 4n, SHARED_FLAG)),
          c.said(c.os_sync_wake_by_address_all!(at, 4n, SHARED_FLAG)),
        ];
        for (const child of children) await child.readLine();
        return [...answers, c.said(c.os_sync_wake_by_address_all!(at, 4n, SHARED_FLAG))];
      }),
    ["E33", "E2", 0, 0, "E2"],
  ],
];

testRules("the twin waits for words as Darwin does", WAITS);
testRules("the twin's processes wait for each other's words", BETWEEN_PROCESSES);
testRules("the twin has os_sync_*", OS_SYNC);
testRules("the twin of macOS before 14.4 has no os_sync_*, and waits all the same", [
  [
    "os_sync_*",
    (c) => [
      c.os_sync_wait_on_address_with_timeout,
      c.os_sync_wake_by_address_any,
      c.os_sync_wake_by_address_all,
    ],
    [null, null, null],
  ],
  ...WAITS,
], { old: true });
