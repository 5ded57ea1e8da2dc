/** The machine, its limits and its signals as Darwin has them. */

import { assertEquals, assertMatch } from "@std/assert";
import { buildTwin } from "../../tools/darwin/build.ts";
import { runChild } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { hasProgram } from "../_gcc.ts";
import { addressOf, MAP_ANON, MAP_PRIVATE, PAGE, testRules, text, withMemory } from "./_calls.ts";

testRules("the twin tells of the machine as Darwin does", [
  [
    "sysctlbyname() tells the boot session, and how long that is",
    (c) => {
      const [bytes, length] = [new Uint8Array(64), BigUint64Array.of(64n)];
      const name = text("kern.bootsessionuuid");
      const answer = c.said(c.sysctlbyname(name, bytes, new Uint8Array(length.buffer), null, 0n));
      assertMatch(
        new TextDecoder().decode(bytes.subarray(0, 36)),
        /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/,
      );
      length[0] = 10n;
      const small = c.said(c.sysctlbyname(name, bytes, new Uint8Array(length.buffer), null, 0n));
      return [answer, small, length[0]];
    },
    [0, "E12", 37n],
  ],
  [
    "sysctlbyname() of another name",
    (c) => c.said(c.sysctlbyname(text("no.such"), null, new Uint8Array(8), null, 0n)),
    "E2",
  ],
  [
    "confstr() tells a folder that is this user's alone",
    (c) => {
      const bytes = new Uint8Array(1024);
      const length = Number(c.confstr(65537, bytes, 1024n));
      const path = new TextDecoder().decode(bytes.subarray(0, length - 1));
      return [path.endsWith("/"), Deno.statSync(path).mode! & 0o777];
    },
    [true, 0o700],
  ],
  ["confstr() of Linux's _CS_PATH", (c) => c.confstr(0, new Uint8Array(9), 9n), 0n],
  ["sysconf() of Linux's _SC_PAGESIZE", (c) => c.said(c.sysconf(30)), "E22"],
  ["sysconf() of the page size", (c) => c.sysconf(29), BigInt(PAGE)],
  ["syscall() of Linux's futex", (c) => c.said(c.syscall(202)), "E78"],
  [
    "strerror() has Darwin's texts",
    (c) =>
      [35, 11, 60, 106, 107].map((n) => new Deno.UnsafePointerView(c.strerror(n)!).getCString()),
    [
      "Resource temporarily unavailable",
      "Resource deadlock avoided",
      "Operation timed out",
      "Interface output queue is full",
      "Unknown error: 107",
    ],
  ],
  [
    "setrlimit() of what is none",
    (c) => c.said(c.setrlimit(9, new Uint8Array(16))),
    "E22",
  ],
  [
    "getrlimit() says that there is no limit by the largest number",
    (c) => {
      const limits = new BigInt64Array(2);
      c.getrlimit(1, new Uint8Array(limits.buffer));
      return limits[1];
    },
    0x7fffffffffffffffn,
  ],
  [
    "sigpending() and sigwait() tell of a signal that is blocked, by Darwin's number",
    (c) => {
      const SIGXFSZ = 1 << 24;
      const [set, before, waiting] = [
        Uint32Array.of(SIGXFSZ),
        new Uint32Array(1),
        new Uint32Array(1),
      ];
      const [setBytes, beforeBytes, waitingBytes] = [set, before, waiting]
        .map(({ buffer }) => new Uint8Array(buffer));
      c.sigprocmask(1, addressOf(setBytes!), beforeBytes!);
      c.raise(25);
      c.sigpending(waitingBytes!);
      const taken = new Int32Array(1);
      c.sigwait(setBytes!, new Uint8Array(taken.buffer));
      c.sigprocmask(3, addressOf(beforeBytes!), null);
      return [waiting[0]! & SIGXFSZ, taken[0]];
    },
    [1 << 24, 25],
  ],
  [
    "sigprocmask() with no way tells whether memory is there, and changes nothing",
    (c) => [
      c.said(c.sigprocmask(0, 1n, null)),
      withMemory(c, { flags: MAP_PRIVATE | MAP_ANON }, (at) => c.said(c.sigprocmask(0, at, null))),
    ],
    ["E14", "E22"],
  ],
  [
    "kill() with Darwin's number of SIGINFO, which Linux has not",
    (c) => c.said(c.kill(Deno.pid, 29)),
    "E22",
  ],
]);

Deno.test({
  name: "the twin sends the signal of a file that is too long to the process",
  ignore: Deno.build.os !== "linux" || !hasProgram("gcc"),
  async fn(): Promise<void> {
    await using twin = await buildTwin();
    await withTempDir(async (dir) => {
      const { signal, stderr } = await runChild(new URL("_too_long.ts", import.meta.url), {
        args: [twin.library, `${dir}/long`],
        ulimit: "ulimit -f 8",
      });
      assertEquals(signal, "SIGXFSZ", stderr);
    });
  },
});
