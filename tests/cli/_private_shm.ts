/**
 * A /dev/shm that nobody else sees, in a mount namespace of its own: `mmap reap` is about the whole
 * system, and would reap the objects of other tests.
 */

import { fromFileUrl } from "@std/path";
import { Child } from "../_child.ts";
import { type CliOptions, runCommand } from "./_cli.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const PEERS = new URL("_peers.ts", import.meta.url);
const AS_USER = Deno.build.os === "linux" && Deno.uid() !== 0;
const UNSHARE = ["unshare", ...(AS_USER ? ["--map-root-user"] : []), "--mount"];
const NSENTER = ["nsenter", ...(AS_USER ? ["--user", "--preserve-credentials"] : []), "--mount"];
const MOUNT = "mount -t tmpfs tmpfs /dev/shm";

/** Whether this user may have one. */
export const CAN_BE_PRIVATE: boolean = Deno.build.os === "linux" && await canUnshare();

async function canUnshare(): Promise<boolean> {
  try {
    return (await runCommand([...UNSHARE, "sh", "-c", MOUNT])).code === 0;
  } catch {
    return false; // no such program
  }
}

/** A namespace that lives as long as this. */
export class PrivateShm implements AsyncDisposable {
  readonly #keeper: Deno.ChildProcess;

  private constructor(keeper: Deno.ChildProcess) {
    this.#keeper = keeper;
  }

  /** Makes one. */
  static async make(): Promise<PrivateShm> {
    const [program, ...args] = [...UNSHARE, "sh", "-c", `${MOUNT} && echo ready && exec cat`];
    const keeper = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped" }).spawn();
    const reader = keeper.stdout.getReader();
    const { done } = await reader.read();
    reader.releaseLock();
    if (done) throw new Error("Making a mount namespace failed");
    return new PrivateShm(keeper);
  }

  get #enter(): string[] {
    return [...NSENTER, `--target=${this.#keeper.pid}`];
  }

  /** For the program in it. */
  get options(): CliOptions {
    return { prefix: [...this.#enter, "--"] };
  }

  /** A child that makes an object in it, says "ready", and holds it until its stdin ends. */
  async owner(name: string): Promise<Child> {
    const child = new Child(PEERS, {
      args: ["own", name],
      ulimit: `exec ${this.#enter.join(" ")} --wd=${ROOT} -- "$0" "$@"`,
    });
    await child.readLine();
    return child;
  }

  /** Runs a shell command in it. @returns what it prints */
  async shell(command: string): Promise<string> {
    const { code, stdout, stderr } = await runCommand([...this.#enter, "--", "sh", "-c", command]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.close();
    await this.#keeper.stdout.cancel();
    await this.#keeper.status;
  }
}
