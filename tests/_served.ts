/** Examples that `deno serve` runs, with several Workers, as their comments say. */

import { fromFileUrl } from "@std/path";

const EXAMPLES = new URL("../examples/", import.meta.url);
const CONFIG = fromFileUrl(new URL("../deno.json", import.meta.url));

/** How many times the usual time a server may take; an emulated machine needs more. */
const PATIENCE = Number(Deno.env.get("MMAP_TEST_PATIENCE") ?? 1);

/** A server that runs. */
export class Served implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #drained: Promise<void>;
  /** A new connection for each request, so that the requests are spread over the Workers. */
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  readonly #url: string;

  private constructor(process: Deno.ChildProcess, url: string, drained: Promise<void>) {
    this.#process = process;
    this.#url = url;
    this.#drained = drained;
  }

  /** Starts an example, whose files go to `cwd`, and waits until it listens. */
  static async start(name: string, cwd: string, ...args: string[]): Promise<Served> {
    const url = new URL(name, EXAMPLES);
    const [, flags] = Deno.readTextFileSync(url).match(/deno serve (.*) examples\//)!;
    const where = [`--config=${CONFIG}`, "--host=127.0.0.1", "--port=0"];
    const process = new Deno.Command(Deno.execPath(), {
      args: ["serve", ...where, ...flags!.split(" "), fromFileUrl(url), ...args],
      cwd,
      env: { NO_COLOR: "1", DENO_JOBS: "4" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => process.kill("SIGKILL"), 60_000 * PATIENCE);
    const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${name} did not listen: ${text}`);
      text += value;
      const address = /Listening on (\S+)\/ with 4 threads/.exec(text)?.[1];
      if (address === undefined) continue;
      clearTimeout(timer);
      return new Served(process, address, drain(reader));
    }
  }

  /** Asks for a path. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.#url + path, { ...init, client: this.#client });
  }

  /** Ends it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#drained;
  }
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}
