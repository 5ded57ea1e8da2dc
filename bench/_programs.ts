/** The other programs of a comparison. */

import { MmapRegion } from "@mmap/mmap";
import { fromFileUrl } from "@std/path";
import type { Side } from "./_ratio.ts";

/** What a program writes to standard output. @throws {Error} If it fails. */
export async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${command} failed: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** A program that prints its nanoseconds. */
export function printed(name: string, command: string, args: string[]): Side {
  return { name, measure: async () => Number(await output(command, args)) };
}

/** Compiles a program of `peers` into a directory. @returns its path */
export async function compilePeer(name: string, dir: string): Promise<string> {
  const program = `${dir}/${name}`;
  await output("gcc", ["-O2", "-o", program, peerPath(`${name}.c`)]);
  return program;
}

/** Where a file of `peers` is. */
export function peerPath(name: string): string {
  return fromFileUrl(new URL(`peers/${name}`, import.meta.url));
}

/**
 * Where two processes run that wake each other. It makes a difference of several times, whoever they are:
 * a processor that has nothing to do has to be woken too.
 */
export const PLACEMENTS = ["on one processor", "on two processors"] as const;
export type Placement = typeof PLACEMENTS[number];

/**
 * Has this process run on the first processor and the others, of one pair, there too or on the second
 * one, until it is disposed. Programs that this process starts meanwhile begin on the first.
 */
export async function place(placement: Placement, others: number[]): Promise<AsyncDisposable> {
  const pin = (pid: number, processors: string): Promise<string> =>
    output("taskset", ["--all-tasks", "--cpu-list", "--pid", processors, `${pid}`]);
  await pin(Deno.pid, "0");
  for (const pid of others) await pin(pid, placement === PLACEMENTS[0] ? "0" : "1");
  const everywhere = `0-${navigator.hardwareConcurrency - 1}`;
  return { [Symbol.asyncDispose]: async () => void await pin(Deno.pid, everywhere) };
}

/** Another Deno process with the same region, for as long as it is not disposed. */
export class Peer implements AsyncDisposable {
  readonly region: MmapRegion = MmapRegion.anonymous(4096);
  readonly process: Deno.ChildProcess;
  readonly #stop: (region: MmapRegion) => void;

  /**
   * Starts it.
   *
   * @param mode what `peers/hand_over.ts` is to do
   * @param stop tells it to end
   */
  constructor(mode: string, stop: (region: MmapRegion) => void) {
    this.#stop = stop;
    this.process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", peerPath("hand_over.ts"), mode],
      env: this.region.env(),
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  }

  /** Stops it and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop(this.region);
    await this.process.stdin.close();
    await this.process.stdout.cancel();
    await this.process.status;
    this.region.close();
  }
}
