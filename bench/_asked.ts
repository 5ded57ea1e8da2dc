/** A program that answers each line with a line: for as long as it is not disposed. */

/** One that measures itself: it is asked, and tells nanoseconds. */
export class Asked implements AsyncDisposable {
  readonly name: string;
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** Starts it. @throws {Deno.errors.NotFound} If there is no such program. */
  constructor(name: string, command: string, args: string[]) {
    this.name = name;
    this.#process = new Deno.Command(command, { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** @throws {Error} If the answer is no number, or the program has ended. */
  async ask(question: string): Promise<number> {
    const line = await this.answer(question);
    if (!/^\d+$/.test(line)) throw new Error(`${this.name} says ${line}`);
    return Number(line);
  }

  /** The line that it answers. @throws {Error} If the program has ended. */
  async answer(question: string): Promise<string> {
    await this.#writer.write(new TextEncoder().encode(`${question}\n`));
    while (!this.#rest.includes("\n")) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`${this.name} has ended`);
      this.#rest += value;
    }
    const [line, ...rest] = this.#rest.split("\n");
    this.#rest = rest.join("\n");
    return line!;
  }

  /** Lets it end, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#process.status;
  }
}
