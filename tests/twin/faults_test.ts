/** Handlers of SIGBUS and SIGSEGV get what Darwin would give them. */

import { assertEquals } from "@std/assert";
import { buildTwin } from "../../tools/darwin/build.ts";
import { resultOf } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { compileC, hasProgram } from "../_gcc.ts";
import { testRules } from "./_calls.ts";

/** struct sigaction with a handler that is never called. */
function action(flags: number, mask = 0): Uint8Array<ArrayBuffer> {
  const record = new DataView(new ArrayBuffer(16));
  record.setUint32(8, mask, true);
  record.setInt32(12, flags, true);
  return new Uint8Array(record.buffer);
}

testRules("the twin takes handlers as Darwin does", [
  [
    "sigaction() of a signal that nobody needs",
    (c) => c.said(c.sigaction(1, action(0), null)),
    "E22",
  ],
  [
    "sigaction() with Linux's SA_ONSTACK",
    (c) => c.said(c.sigaction(10, action(0x8000000), null)),
    "E22",
  ],
  ["sigaction() with a mask", (c) => c.said(c.sigaction(10, action(0, 1), null)), "E22"],
]);

const COMMON = { pid: 0, isSameInState: true, isWhereItWas: true };

Deno.test({
  name: "the twin tells a handler of faults as Darwin does, and goes on where it says",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64" || !hasProgram("gcc"),
  fn: () =>
    withTempDir(async (dir) => {
      await using twin = await buildTwin();
      const recorder = `${dir}/recorder.so`;
      await compileC(await Deno.readTextFile(new URL("_recorder.c", import.meta.url)), {
        args: ["-shared", "-fPIC", "-O1", "-o", recorder],
      });
      const [SIGBUS, SIGSEGV] = [10, 11];
      assertEquals(
        await resultOf(new URL("_faulty.ts", import.meta.url), {
          args: [twin.library, recorder, dir],
        }),
        {
          installed: [true, true, true],
          "a forbidden write": {
            ...COMMON,
            signal: SIGBUS,
            code: 2,
            at: 5,
            trap: 14,
            isWrite: true,
          },
          "a read where nothing is": {
            ...COMMON,
            signal: SIGSEGV,
            code: 1,
            at: 7,
            trap: 14,
            isWrite: false,
          },
          "a read of a truncated file": {
            ...COMMON,
            signal: SIGBUS,
            code: 2,
            at: 9,
            trap: 14,
            isWrite: false,
          },
          // The address is that of the thread's last fault, and the trap that of a system call.
          "a signal that was sent": {
            ...COMMON,
            signal: SIGSEGV,
            code: 0,
            at: 9,
            trap: 0x85,
            isWrite: false,
          },
          "an instruction that is left out": {
            ...COMMON,
            signal: SIGBUS,
            code: 2,
            at: 0,
            trap: 14,
            isWrite: false,
          },
        },
      );
    }),
});
