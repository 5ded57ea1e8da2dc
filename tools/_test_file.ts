/** Runs one test file with a Deno that is not the usual one. */

/** How such a Deno is started, and what is done before the tests. */
export interface OtherDeno {
  /** A program that takes the arguments of `deno`. */
  readonly program: string;
  /** What it needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** A file that is loaded before the tests. */
  readonly preload?: string;
  /** The time after which a file is given up. */
  readonly limitSeconds: number;
}

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

/** Types are not checked here: that is faster on the machine itself. */
const ARGS = ["test", "-A", "--no-check", "--no-lock", "--preload=./tests/_setup.ts"];

/** Runs a test file to its end. */
export async function testFile(
  { program, env, preload, limitSeconds }: OtherDeno,
  file: string,
): Promise<FileResult> {
  const args = preload === undefined ? ARGS : [...ARGS, `--preload=${preload}`];
  const start = performance.now();
  const { success, stdout, stderr } = await outputOf([program, ...args, file], env, limitSeconds);
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
    success: success && failed === 0 && summary !== "",
    output,
  };
}

/** What a program prints, which is ended after that time, and its children, who keep the pipes open. */
async function outputOf(
  command: string[],
  env: Readonly<Record<string, string>>,
  limitSeconds: number,
): Promise<Deno.CommandOutput> {
  const onWindows = Deno.build.os === "windows";
  const limit = onWindows ? [] : ["timeout", "--signal=KILL", String(limitSeconds)];
  const [program, ...args] = [...limit, ...command] as [string, ...string[]];
  const process = new Deno.Command(program, {
    args,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const kill = (): unknown =>
    new Deno.Command("taskkill", { args: ["/T", "/F", "/PID", `${process.pid}`] }).outputSync();
  const timer = onWindows ? setTimeout(kill, 1000 * limitSeconds) : undefined;
  try {
    return await process.output();
  } finally {
    clearTimeout(timer);
  }
}

/** The names of the tests that ended so; steps of others are not among them. */
export function testsThatAre(end: "ok" | "ignored", output: string): string[] {
  return Array.from(output.matchAll(/^(\S.*) \.\.\. (ok|ignored)/gm))
    .flatMap(([, name, seen]) => seen === end ? [name!] : []);
}
