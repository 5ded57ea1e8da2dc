/** Runs one test file in the emulator. */

import type { EmulatedDeno } from "./emulator.ts";

/** The result of a test file. */
export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly success: boolean;
  /** All that it printed. */
  readonly output: string;
}

/** The time after which a file is given up. */
const LIMIT_MS = 900_000;

const PRELOADS = ["--preload=./tests/_setup.ts", "--preload=./tools/arm64/preload.ts"];

/** Types are not checked here: that is faster outside the emulator. */
const ARGS = ["test", "-A", "--no-check", "--no-lock", ...PRELOADS];

/** Runs a test file to its end. */
export async function testFile(deno: EmulatedDeno, file: string): Promise<FileResult> {
  const start = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(deno.program, {
    args: [...ARGS, file],
    env: { ...deno.env, MMAP_TEST_PATIENCE: "10", NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const seconds = Math.round((performance.now() - start) / 1000);
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  const [summary] = /^(ok|FAILED) \| \d+ passed.*$/m.exec(output) ?? [""];
  const [passed, failed, skipped] = ["passed", "failed", "ignored"]
    .map((word) => Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0));
  return {
    file,
    passed: passed!,
    failed: failed!,
    skipped: skipped!,
    seconds,
    success: success && summary !== "",
    output,
  };
}
