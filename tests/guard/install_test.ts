/** One handler and one table per process; and life without them. */

import type { ChildOptions } from "../_child.ts";
import { linux } from "../_capabilities.ts";
import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_installed.ts", import.meta.url);

Deno.test(
  "MmapRegion.guardState() is off until there is a region, then on",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        PROGRAM,
        { args: ["turnOn", dir] },
      );
    }),
);

Deno.test("the guard is one handler and one table for all Workers", { ignore }, async () => {
  await assertLives(PROGRAM, { args: ["installOnce"] });
});

Deno.test(
  "Workers open, close and fault over thousands of rounds",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertLives(
        PROGRAM,
        { args: ["runRounds", dir], timeoutMs: 120_000 },
      );
    }),
);

const withDir = (action: string, options: ChildOptions = {}): Promise<void> =>
  withTempDir(async (dir) => {
    await assertLives(PROGRAM, { ...options, args: [action, dir] });
  });

Deno.test("MmapRegion works without a guard if mprotect refuses to make memory executable", {
  ignore,
}, () => withDir("refuseMprotect"));

Deno.test(
  "MmapRegion works without a guard if sigaction fails",
  { ignore },
  () => withDir("refuseSigaction"),
);

Deno.test({
  name: "copy-on-write memory survives a truncated file without a guard on macOS",
  ignore: ignore || !linux.ignore,
  fn: () => withDir("keepPrivateCopies"),
});

/** `PR_SET_MDWE` came with Linux 6.3. */
const [major, minor] = Deno.osRelease().split(".").map(Number) as [number, number];
const deniesExecution = major > 6 || (major === 6 && minor >= 3);

Deno.test({
  name: "MmapRegion works without a guard where the kernel denies executable memory" +
    (deniesExecution ? "" : ` (ignored: Linux ${major}.${minor} cannot)`),
  ignore: ignore || !deniesExecution,
  fn: () => withDir("denyExecution", { v8Flags: "--jitless" }),
});
