/** Processes and threads as Darwin tells of them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { resultOf } from "../_child.ts";
import { buildTwin } from "../../tools/darwin/build.ts";
import {
  bytesAt,
  type Calls,
  MAP_ANON,
  MAP_PRIVATE,
  MAP_SHARED,
  PAGE,
  testRules,
  withFile,
  withMemory,
  withObject,
} from "./_calls.ts";

const [LISTFDS, TBSDINFO, REGIONINFO, UNIQIDENTIFIERINFO, LISTTHREADIDS] = [1, 3, 7, 17, 28];
const PIDFDPSHMINFO = 5;
const [SZOMB, SM_COW, SM_PRIVATE, SM_SHARED] = [5, 1, 2, 4];

/** What `proc_pidinfo()` fills. */
function infoOf(calls: Calls, pid: number, flavor: number, argument = 0n): DataView<ArrayBuffer> {
  const fields = new DataView(new ArrayBuffer(100_000));
  const bytes = new Uint8Array(fields.buffer);
  const length = calls.proc_pidinfo(pid, flavor, argument, bytes, bytes.length);
  if (length === 0) throw new Error(String(calls.said(-1)));
  return new DataView(fields.buffer, 0, length);
}

/** Why it fails. */
function errorOf(calls: Calls, pid: number, flavor: number): string {
  return assertThrows(() => infoOf(calls, pid, flavor), Error).message;
}

function numbersIn(info: DataView): bigint[] {
  return Array.from({ length: info.byteLength / 8 }, (_, i) => info.getBigUint64(8 * i, true));
}

/** Runs `act` with the number of a process that has ended and was not waited for. */
async function withZombie<T>(act: (pid: number) => T): Promise<T> {
  // Its parent becomes another program, which does not know of it.
  const parent = new Deno.Command("sh", {
    args: ["-c", "sleep 1000 & echo $!; exec cat"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  await until(() => Deno.readTextFileSync(`/proc/${parent.pid}/comm`) === "cat\n");
  Deno.kill(pid, "SIGKILL");
  await until(() => Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z "));
  try {
    return act(pid);
  } finally {
    await parent.stdin.close();
    await parent.status;
    await reader.cancel();
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function pidOfGone(): Promise<number> {
  const child = new Deno.Command("true").spawn();
  await child.status;
  return child.pid;
}

testRules("the twin tells of processes as Darwin does", [
  [
    "PROC_PIDTBSDINFO tells when a process began",
    (c) => {
      const own = infoOf(c, Deno.pid, TBSDINFO);
      const parent = infoOf(c, Deno.ppid, TBSDINFO);
      const seconds = own.getBigUint64(120, true);
      assert(seconds >= parent.getBigUint64(120, true) && seconds > 0n);
      return [own.byteLength, own.getUint32(12, true), own.getUint32(20, true)];
    },
    [136, Deno.pid, Deno.uid()],
  ],
  [
    "a zombie is no process, unless it is asked for",
    (c) =>
      withZombie((pid) => {
        const info = infoOf(c, pid, TBSDINFO, 1n);
        return [
          ...[TBSDINFO, UNIQIDENTIFIERINFO, LISTTHREADIDS].map((flavor) => errorOf(c, pid, flavor)),
          info.getUint32(4, true),
          c.said(c.kill(pid, 0)),
        ];
      }),
    ["E3", "E3", "E3", SZOMB, 0],
  ],
  [
    "one that is gone",
    async (c) => {
      const pid = await pidOfGone();
      return [errorOf(c, pid, TBSDINFO), c.said(c.kill(pid, 0))];
    },
    ["E3", "E3"],
  ],
  [
    "PROC_PIDUNIQIDENTIFIERINFO tells numbers that are not given again",
    (c) => {
      const own = infoOf(c, Deno.pid, UNIQIDENTIFIERINFO);
      const parent = infoOf(c, Deno.ppid, UNIQIDENTIFIERINFO).getBigUint64(16, true);
      const [id, parentId] = [16, 24].map((offset) => own.getBigUint64(offset, true));
      return [own.byteLength, parentId === parent, id === parent];
    },
    [56, true, false],
  ],
  [
    "PROC_PIDLISTTHREADIDS lists what pthread_threadid_np() says, of every thread",
    async (c) => {
      const [own, other] = [new BigUint64Array(1), new BigUint64Array(1)];
      c.pthread_threadid_np(null, new Uint8Array(own.buffer));
      await c.pthread_threadid_npOffThread(null, new Uint8Array(other.buffer));
      const listed = numbersIn(infoOf(c, Deno.pid, LISTTHREADIDS));
      assert(own[0]! > 100n && own[0] !== other[0]);
      return [
        listed.includes(own[0]!),
        listed.includes(other[0]!),
        new Set(listed).size === listed.length,
      ];
    },
    [true, true, true],
  ],
  [
    "PROC_PIDREGIONINFO tells of the mapping at an address",
    (c) =>
      withMemory(c, { flags: MAP_PRIVATE | MAP_ANON, pages: 4 }, (at) => {
        bytesAt(at, 2 * PAGE).fill(1);
        const info = infoOf(c, Deno.pid, REGIONINFO, at + BigInt(PAGE));
        assert(info.getBigUint64(80, true) <= at);
        return [info.byteLength, info.getUint32(0, true), info.getUint32(60, true)];
      }),
    [96, 3, SM_PRIVATE],
  ],
  [
    "PROC_PIDREGIONINFO tells what of shared memory is resident",
    (c) =>
      withObject(c, (fd) =>
        withMemory(c, { flags: MAP_SHARED, fd }, (at) => {
          bytesAt(at, 1).fill(1);
          const info = infoOf(c, Deno.pid, REGIONINFO, at);
          return [36, 60, 4].map((offset) => info.getUint32(offset, true));
        })),
    [1, SM_SHARED, 3],
  ],
  [
    "PROC_PIDREGIONINFO tells by the inheritance what is shared: a file's only mapping has SM_PRIVATE",
    (c) =>
      withFile(
        c,
        PAGE,
        (fd) =>
          [MAP_SHARED, MAP_PRIVATE].map((flags) =>
            withMemory(c, { flags, fd }, (at) => {
              const info = infoOf(c, Deno.pid, REGIONINFO, at);
              return [info.getUint32(8, true), info.getUint32(60, true)];
            })
          ),
      ),
    [[0, SM_PRIVATE], [1, SM_COW]],
  ],
  [
    "PROC_PIDREGIONINFO tells the tag that anonymous memory was mapped with",
    (c) =>
      [-1, 244 << 24].map((fd) =>
        withMemory(c, { flags: MAP_PRIVATE | MAP_ANON, fd }, (at) => [
          infoOf(c, Deno.pid, REGIONINFO, at).getUint32(32, true),
          bytesAt(at, PAGE).every((byte) => byte === 0),
        ])
      ),
    [[0, true], [244, true]],
  ],
  [
    "PROC_PIDLISTFDS and PROC_PIDFDPSHMINFO tell the name of a shared memory object",
    (c) =>
      withObject(c, (fd, name) => {
        const info = infoOf(c, Deno.pid, LISTFDS);
        const types = new Map(
          numbersIn(info).map((n) => [Number(n & 0xffffffffn), Number(n >> 32n)]),
        );
        const bytes = new Uint8Array(1192);
        const length = c.proc_pidfdinfo(Deno.pid, fd, PIDFDPSHMINFO, bytes, bytes.length);
        assertEquals(bytes.subarray(168, 168 + name.length), name);
        return [types.get(fd), length, new DataView(bytes.buffer).getInt32(16, true)];
      }),
    [3, 1192, 3],
  ],
  [
    "too small a buffer, and an unknown flavor",
    (c) =>
      ([[TBSDINFO, 135], [99, 1000]] as const).map(([flavor, size]) => [
        c.proc_pidinfo(Deno.pid, flavor, 0n, new Uint8Array(size), size),
        c.said(-1),
      ]),
    [[0, "E12"], [0, "E22"]],
  ],
]);

Deno.test({
  name: "the twin hides other users' processes but for their unique numbers",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn(): Promise<void> {
    await using twin = await buildTwin();
    const program = new URL("_nobody.ts", import.meta.url);
    const flavors = [TBSDINFO, LISTTHREADIDS, REGIONINFO, LISTFDS, UNIQIDENTIFIERINFO];
    const answers = await resultOf(program, { args: [twin.library, Deno.pid, flavors] });
    assertEquals(answers, ["E1", "E1", "E1", "E1", 56]);
  },
});
