/** The other side of the interoperation tests: a C program at the same mutex and futex. */

import { fromFileUrl } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { splitLines } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { compileC } from "../_gcc.ts";

const HEADERS = fromFileUrl(new URL("../../examples/c/", import.meta.url));

/** `_c_peer.c`, running. */
export class CPeer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(program: string, path: string) {
    this.#process = new Deno.Command(program, { args: [path], stdin: "piped", stdout: "piped" })
      .spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines()).getReader();
    this.#input = this.#process.stdin.getWriter();
    this.#timer = setTimeout(() => this.#process.kill("SIGKILL"), 60_000);
  }

  /** Which thread it is: its only one has the number of the process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Gives it a command. @returns its answer */
  async ask(command: string): Promise<string> {
    await this.#input.write(new TextEncoder().encode(`${command}\n`));
    const { value, done } = await this.#lines.read();
    if (done) throw new Error(`The C program ended instead of answering "${command}"`);
    return value;
  }

  /** Kills it and waits for its end. */
  async killed(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  /** Closes its input, which ends it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {}); // a dead one's pipe is broken already
    await this.#process.status;
    clearTimeout(this.#timer);
    await this.#lines.cancel();
  }
}

/** What a test of both is given. */
export interface Both {
  readonly path: string;
  readonly region: MmapRegion;
  readonly peer: CPeer;
}

/** Runs `body` with a file of 4096 bytes, mapped here and in a C program. */
export async function withCPeer(body: (both: Both) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const program = `${dir}/peer`;
    const source = await Deno.readTextFile(new URL("_c_peer.c", import.meta.url));
    await compileC(source, {
      args: ["-Wall", "-Wextra", "-Werror", "-O2", "-I", HEADERS, "-o", program],
    });
    const path = `${dir}/shared.bin`;
    using region = MmapRegion.open(path, {
      access: "read-write",
      createNew: true,
      byteLength: 4096,
    });
    await using peer = new CPeer(program, path);
    await body({ path, region, peer });
  });
}
