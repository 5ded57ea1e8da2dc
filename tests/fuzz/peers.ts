/** Processes that map what this one maps, and are killed while they do. */

import { fromFileUrl } from "@std/path";
import { Mismatch } from "./mismatch.ts";
import type { PeerTask } from "./peer.ts";

class Peer {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  constructor() {
    const program = fromFileUrl(new URL("./peer.ts", import.meta.url));
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-ffi", program],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
  }

  async perform(task: PeerTask): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(task)}\n`));
    let answer = "";
    for await (const chunk of this.#process.stdout) {
      answer += new TextDecoder().decode(chunk);
      if (answer.endsWith("\n")) break;
    }
    if (!answer.startsWith("mmap:")) throw new Mismatch(`In another process: ${answer}`);
  }

  /** Without a word of warning. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#input.abort().catch(() => {});
    await this.#process.stdout.cancel().catch(() => {});
  }
}

/** One of them always stands ready, as starting takes long. */
export class Peers {
  #next: Peer | undefined;

  prepare(): void {
    this.#next ??= new Peer();
  }

  /** Has another process perform a task, and kills it once it has. */
  async performAndKill(task: PeerTask): Promise<void> {
    this.prepare();
    const peer = this.#next!;
    this.#next = undefined;
    try {
      await peer.perform(task);
    } finally {
      await peer.kill();
    }
    this.prepare();
  }

  async close(): Promise<void> {
    await this.#next?.kill();
    this.#next = undefined;
  }
}
