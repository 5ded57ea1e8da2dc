/** C programs that use the headers of languages/c, and do what a test tells them line by line. */

import { fromFileUrl } from "@std/path";
import { splitLines } from "./_child.ts";
import { compileC, programIn } from "./_gcc.ts";

const HEADERS = fromFileUrl(new URL("../languages/c/", import.meta.url));

/** What was compiled already: the tests of a file use one program. */
const compiled = new Map<string, Uint8Array>();

/** Compiles the source into `dir`. @returns the program */
export async function compileWithHeaders(source: URL, dir: string): Promise<string> {
  const program = programIn(dir);
  const before = compiled.get(source.href);
  if (before !== undefined) {
    Deno.writeFileSync(program, before, { mode: 0o700 });
    return program;
  }
  await compileC(await Deno.readTextFile(source), {
    args: ["-Wall", "-Wextra", "-Werror", "-O2", "-I", HEADERS, "-o", program],
  });
  compiled.set(source.href, Deno.readFileSync(program));
  return program;
}

/** One that runs, and answers each command with a line. */
export class CProgram implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(program: string, args: string[] = []) {
    this.#process = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines()).getReader();
    this.#input = this.#process.stdin.getWriter();
    this.#timer = setTimeout(() => this.#kill(), 60_000);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Gives it a command. @returns its answer */
  async ask(command: string): Promise<string> {
    await this.#input.write(new TextEncoder().encode(`${command}\n`));
    const { value, done } = await this.#lines.read();
    if (done) throw new Error(`The C program ended instead of answering "${command}"`);
    return value.replace(/\r$/, "");
  }

  /** Kills it and waits for its end. */
  async killed(): Promise<void> {
    this.#kill();
    await this.#process.status;
  }

  #kill(): void {
    clearTimeout(this.#timer);
    this.#process.kill("SIGKILL");
  }

  /** Closes its input, which ends it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {}); // a dead one's pipe is broken already
    await this.#process.status;
    clearTimeout(this.#timer);
    await this.#lines.cancel();
  }
}
