/** Ways to run a program where it sees other processes otherwise than this one does. */

import { fromFileUrl } from "@std/path";
import { splitLines } from "../_child.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const PEER = fromFileUrl(new URL("./_peer.ts", import.meta.url));

const PID = "unshare --pid --fork --kill-child --mount-proc";

/** Shell commands in front of a program. */
const PREFIXES: Readonly<Record<string, string>> = {
  "the same namespaces": "",
  "another PID namespace": PID,
  "another PID namespace, with the outer /proc": "unshare --pid --fork --kill-child",
  "a nested PID namespace": `${PID} ${PID}`,
  "another time namespace": "unshare --time --boottime 100 --fork --kill-child",
  "a mount namespace without /proc": "unshare --mount",
  "another user, who sees no processes of others": "unshare --mount",
};

/** What the program itself does then: Deno needs /proc to start, and to find its files. */
const THEN: Readonly<Record<string, string>> = {
  "a mount namespace without /proc": "hide /proc",
  "another user, who sees no processes of others": "be nobody",
};

/** A place to run programs in. */
export interface Space {
  readonly name: string;
  readonly prefix: string;
}

/** Those that this user can make here; and why not, of the others. */
export const SPACES: readonly Space[] = [];
export const MISSING: readonly { readonly name: string; readonly why: string }[] = [];

for (const [name, prefix] of Object.entries(PREFIXES)) {
  const why = Deno.build.os === "linux" ? await whyNot(prefix) : "Linux only";
  if (why === undefined) (SPACES as Space[]).push({ name, prefix });
  else (MISSING as { name: string; why: string }[]).push({ name, why });
}

async function whyNot(prefix: string): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", `exec ${prefix} "$0"`, "/bin/true"],
  }).output();
  return success ? undefined : new TextDecoder().decode(stderr).trim();
}

/** A program in a space, which does what it is told, one line each, and answers each with a line. */
export class Peer implements AsyncDisposable {
  readonly space: Space;
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  /** Starts it, in a directory that `_peer.ts` knows. */
  constructor(space: Space, dir: string) {
    this.space = space;
    const args = ["run", "-A", "--no-check", "--quiet", `--config=${ROOT}deno.json`, PEER, dir];
    args.push(THEN[space.name] ?? "");
    this.#process = new Deno.Command("/bin/sh", {
      args: ["-c", `exec ${space.prefix} "$0" "$@"`, Deno.execPath(), ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines()).getReader();
    this.#input = this.#process.stdin.getWriter();
  }

  /** Waits until it is there. */
  async ready(): Promise<void> {
    const first = await this.#line();
    if (first !== "ready") throw new Error(`A peer in ${this.space.name} said ${first}`);
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.read();
    if (done) throw new Error(`The peer in ${this.space.name} ended instead of answering`);
    return value;
  }

  /** Tells it something. @returns what it answers, JSON */
  // deno-lint-ignore no-explicit-any
  async ask(command: string): Promise<any> {
    await this.tell(command);
    return JSON.parse(await this.#line());
  }

  /** Tells it something that it never comes to answer. */
  async tell(command: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${command}\n`));
  }

  /** Kills it in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#process.status;
    // The program itself may be a grandchild: its end of the pipe closes when it is gone, too.
    while (!(await this.#lines.read()).done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#end();
  }
}
