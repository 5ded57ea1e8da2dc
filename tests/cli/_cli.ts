/** Running the command line in processes of its own. */

import { fromFileUrl } from "@std/path";
import { system } from "../../src/os/mod.ts";
import { splitLines } from "../_child.ts";

/** The program. */
export const CLI = fromFileUrl(new URL("../../src/cli/mod.ts", import.meta.url));

/** How the program is started. */
export interface CliOptions {
  /** A program, and its arguments, that starts it in turn; see `_private_shm.ts`. */
  prefix?: readonly string[];
  /** @default {["--allow-ffi"]} */
  permissions?: readonly string[];
  /** Its working directory. */
  cwd?: string;
}

/** How it ended. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How any command is run. */
interface RunHow {
  readonly cwd?: string;
  /** Whether Windows gets the arguments as they are, without quotes. */
  readonly asItIs?: boolean;
}

/** The whole command, to be run by another program. */
export function commandLine(
  args: readonly string[],
  { prefix = [], permissions = ["--allow-ffi"] }: CliOptions = {},
): string[] {
  return [...prefix, Deno.execPath(), "run", "--quiet", ...permissions, CLI, ...args];
}

/** A command with its output in pipes. */
export function commandOf(
  [program, ...args]: readonly string[],
  { cwd, asItIs = false }: RunHow = {},
): Deno.Command {
  return new Deno.Command(program!, {
    args,
    ...(cwd === undefined ? {} : { cwd }),
    windowsRawArguments: asItIs,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs any command to its end. */
export async function runCommand(
  command: readonly string[],
  how: RunHow = {},
): Promise<CliResult> {
  const { code, stdout, stderr } = await commandOf(command, how).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Whether a line of the shell succeeds; where there is no shell, none does. */
export async function succeedsInShell(line: string): Promise<boolean> {
  try {
    return (await runCommand(["sh", "-c", line])).code === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Runs `mmap ARGS` to its end. */
export function mmap(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { cwd } = options;
  return runCommand(commandLine(args, options), cwd === undefined ? {} : { cwd });
}

/** What `mmap ARGS` prints. @throws {Error} If it fails or writes to stderr. */
export async function mmapPrints(
  args: readonly string[],
  options: CliOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await mmap(args, options);
  if (code === 0 && stderr === "") return stdout;
  throw new Error(`mmap ${args.join(" ")} ended with ${code}: ${stderr}`);
}

/** As {@linkcode mmapPrints}, read as JSON. */
export async function mmapJson(
  args: readonly string[],
  options: CliOptions = {},
  // deno-lint-ignore no-explicit-any
): Promise<any> {
  return JSON.parse(await mmapPrints([...args, "--json"], options));
}

/** The thread of a main program; on Linux it has the number of its process. */
export async function mainThreadOf(pid: number): Promise<number> {
  if (system().name === "linux") return pid;
  return (await system().observing!())!.threadsOf(pid)[0]!;
}

/** Lines of JSON as values. */
export function jsonLines(text: string): unknown[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** The program as long as it runs, line by line. */
export class RunningCli implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #timer: ReturnType<typeof setTimeout>;

  /** Starts `mmap ARGS`. */
  constructor(args: readonly string[]) {
    this.#process = commandOf(commandLine(args)).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines()).getReader();
    this.#timer = setTimeout(() => this.kill("SIGKILL"), 60_000);
  }

  /** The next line. @throws {Error} If the program has ended instead. */
  async readLine(): Promise<string> {
    const { value, done } = await this.#lines.read();
    if (done) throw new Error("The program ended instead of printing a line");
    return value;
  }

  /** So many lines. */
  async readLines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.readLine());
    return lines;
  }

  /** What is left, to the end. */
  async readRest(): Promise<string[]> {
    const lines: string[] = [];
    while (true) {
      const { value, done } = await this.#lines.read();
      if (done) return lines;
      lines.push(value);
    }
  }

  /** Reads nothing any more, and has no pipe for it. */
  stopReading(): Promise<void> {
    return this.#lines.cancel();
  }

  /** Sends a signal; silent if the program has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Waits for the end. @returns how it came, and what stderr said */
  async ended(): Promise<{ code: number; signal: Deno.Signal | null; stderr: string }> {
    const stderr = await new Response(this.#process.stderr).text();
    const { code, signal } = await this.#process.status;
    return { code, signal, stderr };
  }

  /** Kills the program, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#process.status;
    clearTimeout(this.#timer);
    await this.#lines.cancel();
    if (!this.#process.stderr.locked) await this.#process.stderr.cancel();
  }
}
