/** Starting the other examples: for the demo, and for the tests of both. */

const EXAMPLES = new URL("../", import.meta.url);

/** How an example is started. */
export interface ProgramOptions {
  /** `Deno.args` of the program. */
  args?: string[];
  /** A command that starts it, such as `["nice"]`, with its own arguments. */
  through?: string[];
  /** The time after which it is killed.  @default {60_000} */
  timeoutMs?: number;
}

/** A running example, with exactly the permissions that the command line in its comment has. */
export class Program implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #errors: Promise<string>;
  readonly #timer: ReturnType<typeof setTimeout>;
  /** What it prints, line by line. */
  readonly lines: AsyncIterableIterator<string>;

  /** @param name a file of this folder's parent */
  constructor(name: string, { args = [], through = [], timeoutMs = 60_000 }: ProgramOptions = {}) {
    const url = new URL(name, EXAMPLES);
    const deno = [Deno.execPath(), "run", "--no-prompt", ...flagsOf(url), url.href, ...args];
    const [command, ...rest] = [...through, ...deno] as [string, ...string[]];
    this.#process = new Deno.Command(command, {
      args: rest,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.lines = linesOf(this.#process.stdout);
    this.#errors = this.#process.stderr.text();
    this.#timer = setTimeout(() => this.stop("SIGKILL"), timeoutMs);
  }

  /** Reads its lines until it ends. @throws {Error} If it fails; the message is what it says. */
  async output(): Promise<string[]> {
    const lines = await Array.fromAsync(this.lines);
    const { success } = await this.#process.status;
    if (success) return lines;
    throw new Error(`${await this.#errors}\n${lines.join("\n")}`);
  }

  /** Reads its lines until one of them is `last`. @throws {Error} If it ends before that. */
  async linesUntil(last: string): Promise<string[]> {
    const seen: string[] = [];
    while (seen.at(-1) !== last) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`It ended without printing "${last}": ${await this.#errors}`);
      seen.push(value);
    }
    return seen;
  }

  /** Sends a signal; silent if it has ended. */
  stop(signal: Deno.Signal = "SIGTERM"): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  /** Stops it and waits for its end. @returns how it ended */
  async stopped(signal?: Deno.Signal): Promise<Deno.CommandStatus> {
    this.stop(signal);
    const status = await this.#process.status;
    clearTimeout(this.#timer);
    await this.lines.return?.();
    await this.#errors;
    return status;
  }

  /** As {@linkcode stopped}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopped();
  }
}

/** Runs an example to its end. @returns the lines that it printed */
export async function run(name: string, options?: ProgramOptions): Promise<string[]> {
  await using program = new Program(name, options);
  return await program.output();
}

/** The permissions in the line "deno run ... examples/NAME" of the program's comment. */
function flagsOf(url: URL): string[] {
  const line = Deno.readTextFileSync(url).match(/deno run (.*) examples\//);
  if (line === null) throw new Error(`${url} does not say how it is run`);
  return line[1]!.split(" ");
}

async function* linesOf(stream: ReadableStream<BufferSource>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
