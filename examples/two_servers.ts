/**
 * Two servers with one cache: what the first one has made, the second one gives too.
 *
 *     deno run --allow-ffi --allow-net --allow-read --allow-write --allow-run examples/two_servers.ts
 *
 * Both run response_cache.ts, each as a process of its own, in the same directory.
 */
import { temporaryDirectory } from "./temporary.ts";

const EXAMPLE = new URL("response_cache.ts", import.meta.url).href;
const CONFIG = `${import.meta.dirname}/../deno.json`;

/** A server, and where it listens. */
class Server implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly url: string;

  private constructor(process: Deno.ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async start(cwd: string): Promise<Server> {
    const options = ["--host=127.0.0.1", "--port=0", "--allow-ffi", `--config=${CONFIG}`];
    const process = new Deno.Command(Deno.execPath(), {
      args: ["serve", ...options, EXAMPLE],
      cwd,
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let said = "";
    for await (
      const text of process.stderr.pipeThrough(new TextDecoderStream()).values({
        preventCancel: true,
      })
    ) {
      said += text;
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (url !== undefined) return new Server(process, url);
    }
    throw new Error(`the server has ended: ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
  }
}

using dir = temporaryDirectory();
await using first = await Server.start(dir.file("."));
await using second = await Server.start(dir.file("."));
const pages = await Promise.all(
  [first, second, first, second].map(async ({ url }) => {
    const response = await fetch(`${url}/page`);
    await response.text();
    return response.headers;
  }),
);
const servers = new Set(pages.map((headers) => headers.get("x-worker"))).size;
const [made] = new Set(pages.map((headers) => headers.get("x-made")));
console.log(`${servers} servers gave the page ${pages.length} times, and made it ${made} time`);
