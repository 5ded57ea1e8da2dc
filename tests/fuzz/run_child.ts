/** Starts a child that runs sequences, and watches it to its end. */

import { basename, fromFileUrl } from "@std/path";
import type { ChildTask } from "./child.ts";

/** How a child ended. */
export interface ChildEnd {
  /** Sequences that passed, and operations that were begun. */
  readonly sequences: number;
  readonly operations: number;
  readonly signal: string | null;
  /** Undefined if all went well. */
  readonly reason: string | undefined;
  /** The sequence that it was in. */
  readonly sequence: number;
  /** The last operation begun in that sequence, and all that was said. */
  readonly step: number;
  readonly lines: readonly string[];
}

/** So long may nothing happen. */
const SILENCE_MS = 30_000;

/** Runs one child to its end. */
export async function runChild(
  task: Omit<ChildTask, "directories" | "privateMemory">,
): Promise<ChildEnd> {
  const disk = await Deno.makeTempDir({ prefix: "mmap_fuzz_" });
  const memory = `/dev/shm/${basename(disk)}`;
  const [program, ...before] = await isolation();
  const privateMemory = program !== undefined;
  const given: ChildTask = { ...task, directories: [disk, memory], privateMemory };
  const deno = [Deno.execPath(), ...DENO_ARGS, JSON.stringify(given)];
  const [first, ...args] = privateMemory ? [program, ...before, ...deno] : deno;
  try {
    const process = new Deno.Command(first!, {
      args,
      cwd: ROOT, // until it goes to its own directory
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return await watch(process);
  } finally {
    for (const directory of [disk, memory]) {
      await Deno.remove(directory, { recursive: true }).catch(() => {});
    }
  }
}

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

const DENO_ARGS = [
  "run",
  "--quiet",
  "--no-prompt",
  "-A",
  "--v8-flags=--expose-gc",
  fromFileUrl(new URL("./child.ts", import.meta.url)),
];

let isolated: Promise<string[]> | undefined;

/** The command that gives a process its own /dev/shm; nothing where that is not allowed. */
function isolation(): Promise<string[]> {
  return isolated ??= findIsolation();
}

async function findIsolation(): Promise<string[]> {
  for (const flags of ["-m", "-rm"]) {
    const shell = 'mount -t tmpfs -o mode=1777,size=2g tmpfs /dev/shm && exec "$0" "$@"';
    const command = ["unshare", flags, "sh", "-c", shell];
    if (await succeeds([...command, "true"])) return command;
  }
  return [];
}

async function succeeds([program, ...args]: string[]): Promise<boolean> {
  try {
    const options = { args, stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program!, options).output()).success;
  } catch {
    return false; // no such program
  }
}

/** What a child has said so far. */
class Transcript {
  sequences = 0;
  operations = 0;
  sequence = -1;
  step = 0;
  lines: string[] = [];

  add(line: string): void {
    const [, word, number] = line.match(/^(sequence|passed) (\d+)$/) ?? [];
    if (word === "passed") this.sequences++;
    if (word === "sequence") {
      this.sequence = Number(number);
      this.step = 0;
      this.lines = [];
    }
    const begun = line.match(/^ {2}(\d+) [a-z]/i);
    if (begun !== null) {
      this.operations++;
      this.step = Number(begun[1]);
    }
    this.lines.push(line);
  }
}

/** Reads what a child says until it ends; ends it if it says nothing for too long. */
async function watch(process: Deno.ChildProcess): Promise<ChildEnd> {
  const transcript = new Transcript();
  const stderr = new Response(process.stderr).text();
  let silent = false;
  const giveUp = (): void => {
    silent = true;
    process.kill("SIGKILL");
  };
  let timer = setTimeout(giveUp, SILENCE_MS);
  let rest = "";
  for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
    clearTimeout(timer);
    timer = setTimeout(giveUp, SILENCE_MS);
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) transcript.add(line);
  }
  const { success, code, signal } = await process.status;
  clearTimeout(timer);
  const errors = (await stderr).trim();
  const { sequences, operations, sequence, step, lines } = transcript;
  const idle = success && sequences === 0 && sequence === -1;
  const how = idle ? "it did nothing" : silent ? "it hung" : signal ?? `exit code ${code}`;
  const reason = success
    ? undefined
    : `${how} in sequence ${sequence}, operation ${step}: ${errors}`;
  return { sequences, operations, signal: silent ? null : signal, reason, sequence, step, lines };
}
