/** Child processes that run programs of the tests, for what must not happen to the test's own process. */

import { fromFileUrl } from "@std/path";
import { suspend } from "./_suspend.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** How many times the usual time a child may take; an emulated machine needs more. */
const PATIENCE = Number(Deno.env.get("MMAP_TEST_PATIENCE") ?? 1);

/** A Deno that is not the one that runs the test, and where it finds this project. */
export interface OtherDeno {
  readonly program: string;
  /** Ends with a slash. */
  readonly root: string;
}

/** How a child is started. */
export interface ChildOptions {
  /** `Deno.args`, each as JSON: mostly an action's name and its arguments, see `_act.ts`. */
  args?: unknown[];
  /** Added to the environment. */
  env?: Record<string, string>;
  /**
   * Shell commands that come first, such as `ulimit -n 30` or `trap "" XFSZ`; limits and ignored
   * signals are inherited. Limits on address space must come later, see `_process.ts`: V8 needs a
   * lot of it to start.
   */
  ulimit?: string;
  /** Such as "--expose-gc". */
  v8Flags?: string;
  /** The Deno that runs it.  @default this one */
  deno?: OtherDeno;
  /** When the child is killed, times MMAP_TEST_PATIENCE.  @default {60_000} */
  timeoutMs?: number;
}

/** How a child ended. */
export interface ChildResult {
  readonly success: boolean;
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a child ends that was killed. Windows has no signals, and a code for it that others have too. */
export const KILLED: Pick<ChildResult, "code" | "signal"> = Deno.build.os === "windows"
  ? { code: 1, signal: null }
  : { code: 137, signal: "SIGKILL" };

/** Runs a program to its end. It has all permissions. */
export async function runChild(program: URL, options: ChildOptions = {}): Promise<ChildResult> {
  const process = command(program, options, "null").spawn();
  const timer = setTimeout(() => process.kill("SIGKILL"), patienceOf(options));
  try {
    const { success, code, signal, stdout, stderr } = await process.output();
    const text = new TextDecoder();
    return { success, code, signal, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * As {@linkcode runChild}, for a child that prints JSON as its last line.
 *
 * @throws {Error} If the child failed; the message is what it wrote to stderr.
 */
// deno-lint-ignore no-explicit-any
export async function resultOf(program: URL, options: ChildOptions = {}): Promise<any> {
  const { success, code: status, signal, stdout, stderr } = await runChild(program, options);
  if (!success) {
    throw new Error(`The child ended with ${signal ?? status}:\n${stderr}\n${stdout}`);
  }
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}

/** A child that goes on running while the test talks to it, line by line. */
export class Child implements AsyncDisposable {
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #timer: ReturnType<typeof setTimeout>;

  /** Starts a program; stderr is the test's own. */
  constructor(program: URL, options: ChildOptions = {}) {
    this.#process = command(program, options, "piped", "inherit").spawn();
    this.pid = this.#process.pid;
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines()).getReader();
    this.#input = this.#process.stdin.getWriter();
    this.#timer = setTimeout(() => this.kill(), patienceOf(options));
  }

  /** The next line of the child's stdout. @throws {Error} If it ended instead. */
  async readLine(): Promise<string> {
    const { value, done } = await this.#lines.read();
    if (done) throw new Error(`The child ended instead of printing a line`);
    return value;
  }

  /** Writes a line to the child's stdin. */
  async writeLine(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(line + "\n"));
  }

  /** Sends a signal; silent if the child has ended. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    if (Deno.build.os === "windows") {
      if (signal === "SIGSTOP") return suspend(this.pid, "NtSuspendProcess");
      if (signal === "SIGCONT") return suspend(this.pid, "NtResumeProcess");
    }
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  /** Closes stdin and waits for the end. */
  async ended(): Promise<Deno.CommandStatus> {
    await this.#input.close().catch(() => {}); // a dead child's pipe is broken already
    const status = await this.#process.status;
    clearTimeout(this.#timer);
    await this.#lines.cancel();
    return status;
  }

  /** Kills the child and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended();
  }
}

function patienceOf({ timeoutMs = 60_000 }: ChildOptions): number {
  return timeoutMs * PATIENCE;
}

function command(
  program: URL,
  { args = [], env = {}, ulimit, v8Flags, deno: other }: ChildOptions,
  stdin: "null" | "piped",
  stderr: "inherit" | "piped" = "piped",
): Deno.Command {
  const { program: deno, root } = other ?? { program: Deno.execPath(), root: ROOT };
  // A code cache would be a file that the runtime itself writes, under the limits of the child.
  const start = ["run", "-A", "--no-check", "--no-code-cache", "--quiet"];
  start.push(`--config=${root}deno.json`);
  if (v8Flags !== undefined) start.push(`--v8-flags=${v8Flags}`);
  const path = fromFileUrl(program);
  start.push(
    other ? root + path.slice(ROOT.length) : path,
    ...args.map((arg) => JSON.stringify(arg)),
  );
  const options = {
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin,
    stdout: "piped" as const,
    stderr,
  };
  if (ulimit === undefined) return new Deno.Command(deno, { ...options, args: start });
  const shell = ["-c", `${ulimit} && exec "$0" "$@"`, deno, ...start];
  return new Deno.Command("/bin/sh", { ...options, args: shell });
}

/** Cuts text into lines; an unfinished last one is dropped. */
export function splitLines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(chunk, controller): void {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(line);
    },
  });
}
