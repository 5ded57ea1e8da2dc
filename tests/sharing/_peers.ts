/** The programs of examples/languages: who can share memory, by which ways. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { linesOf, type Way } from "../../examples/languages/_share.ts";
import { natives } from "../_capabilities.ts";
import { compileC, hasProgram } from "../_gcc.ts";

const EXAMPLES = fromFileUrl(new URL("../../examples", import.meta.url));

export const WAYS: readonly Way[] = ["file", "named", "descriptor"];

/** One of those who share. */
export interface Party {
  /** As in the table of docs/sharing.md. */
  readonly name: string;
  /** What it writes and prints of itself. */
  readonly says: string;
  /** The command that starts it; `dir` has what was compiled. */
  readonly command: (dir: string) => [string, ...string[]];
  /** Whether this machine has what it takes. */
  readonly available: () => boolean;
  /** Why a way is impossible. */
  readonly impossible?: Partial<Record<Way, string>>;
}

const BY_NAME_ONLY = "shared_memory opens names only";

export const PARTIES: readonly Party[] = [
  {
    name: "Deno",
    says: "Deno",
    command: () => [Deno.execPath(), "run", "--allow-ffi", `${EXAMPLES}/languages/peer.ts`],
    available: () => true,
  },
  {
    name: "Deno Worker",
    says: "Deno Worker",
    command: () => {
      const flags = ["--allow-ffi", "--allow-read"];
      return [Deno.execPath(), "run", ...flags, `${EXAMPLES}/languages/peer_in_worker.ts`];
    },
    available: () => true,
  },
  {
    name: "C",
    says: "C",
    command: (dir) => [`${dir}/peer`],
    available: () => !natives.ignore && hasProgram("gcc"),
  },
  {
    name: "Python mmap",
    says: "Python mmap",
    command: () => ["python3", `${EXAMPLES}/languages/peer.py`],
    available: () => !natives.ignore && hasProgram("python3"),
  },
  {
    name: "Python shared_memory",
    says: "Python shared_memory",
    command: () => ["python3", `${EXAMPLES}/languages/peer_shared_memory.py`],
    available: () => !natives.ignore && hasProgram("python3"),
    impossible: { file: BY_NAME_ONLY, descriptor: BY_NAME_ONLY },
  },
  {
    name: "Node",
    says: "Node",
    command: () => ["node", `${EXAMPLES}/languages/peer.mjs`],
    available: () => !natives.ignore && hasProgram("node"),
  },
];

/** Compiles what has to be compiled. */
export async function compilePeers(dir: string): Promise<void> {
  if (!hasProgram("gcc")) return;
  const source = await Deno.readTextFile(`${EXAMPLES}/languages/peer.c`);
  await compileC(source, { args: ["-Wall", "-Werror", "-o", `${dir}/peer`] });
}

/** One pair and way: either it works, or it is told why it cannot. */
export interface Cell {
  readonly creator: Party;
  readonly attacher: Party;
  readonly way: Way;
  /** The name of its test, which is what the table of docs/sharing.md shows. */
  readonly test: string;
  readonly impossible: string | undefined;
}

/** All pairs, each by all ways. */
export const CELLS: readonly Cell[] = PARTIES.flatMap((creator) =>
  PARTIES.flatMap((attacher) =>
    WAYS.map((way) => ({
      creator,
      attacher,
      way,
      test: `${way}: ${creator.name} → ${attacher.name}`,
      impossible: creator.impossible?.[way] ?? attacher.impossible?.[way],
    }))
  )
);

/** A creator that goes on running, and tells what it sees. */
export class Creator implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor([program, ...args]: readonly [string, ...string[]], way: Way, where: string) {
    this.#process = new Deno.Command(program, {
      args: [...args, "create", way, where],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#lines = linesOf(this.#process.stdout).getReader();
    this.#input = this.#process.stdin.getWriter();
    this.#timer = setTimeout(() => this.#process.kill("SIGKILL"), 60_000);
  }

  /** Where the memory is. */
  whereabouts(): Promise<string> {
    return this.#line();
  }

  /** What it reads where attachers write. */
  async look(): Promise<string> {
    await this.#input.write(new TextEncoder().encode("\n"));
    return await this.#line();
  }

  async #line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error("The creator has ended instead of printing a line");
    return value;
  }

  /** Lets it end, and checks that it does so in order. */
  async end(): Promise<void> {
    await this.#input.close();
    assertEquals((await this.#process.status).code, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {}); // closed, or broken
    await this.#process.status;
    clearTimeout(this.#timer);
    await this.#lines.cancel();
  }
}

/** Lets a party use the memory. @returns what it reads */
export async function attachOnce(
  [program, ...args]: readonly [string, ...string[]],
  way: Way,
  where: string,
): Promise<string> {
  const command = new Deno.Command(program, { args: [...args, "attach", way, where] });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  return text.decode(stdout).trimEnd();
}
