/** Python programs that use languages/python/mmap_peer.py, and do what a test tells them. */

import { assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { splitLines } from "../_child.ts";
import { linux } from "../_capabilities.ts";
import { hasProgram } from "../_gcc.ts";

const FOLDER = fromFileUrl(new URL("../../languages/python/", import.meta.url));
const PROGRAM = fromFileUrl(new URL("_peer.py", import.meta.url));

/** The Pythons to test with: MMAP_TEST_PYTHON names another one. */
const PYTHON = Deno.env.get("MMAP_TEST_PYTHON") ?? "python3";

/** What an argument or a result may be. */
export type Value = null | boolean | number | string | Uint8Array | Value[] | {
  [key: string]: Value;
};

/** An error that Python raised; its name is the class. */
export class PythonError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** A Python that runs. */
export class PythonPeer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(args: string[] = [], env: Record<string, string> = {}, python: string = PYTHON) {
    this.#process = new Deno.Command(python, {
      args: [PROGRAM, FOLDER, ...args],
      env,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines()).getReader();
    this.#input = this.#process.stdin.getWriter();
    this.#timer = setTimeout(() => this.kill(), 60_000);
  }

  /** The number of the process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Has it run a verb of `_peer.py`. @throws {PythonError} */
  async ask(verb: string, ...args: Value[]): Promise<Value> {
    await this.#input.write(
      new TextEncoder().encode(`${JSON.stringify([verb, ...args], coded)}\n`),
    );
    const { value, done } = await this.#lines.read();
    if (done) throw new Error(`Python ended instead of answering "${verb} ${args}"`);
    const answer = plain(JSON.parse(value));
    if (isRecord(answer) && "error" in answer) {
      throw new PythonError(String(answer.error), String(answer.message));
    }
    return answer;
  }

  /** Calls `Class(...)` or `Class.method(...)` of the module, and keeps the result as `name`. */
  async make(name: string, what: string, ...args: Value[]): Promise<void> {
    await this.ask("make", name, what, ...args);
  }

  /** Calls `name.method(...)`. */
  do(method: string, ...args: Value[]): Promise<Value> {
    return this.ask("do", method, ...args);
  }

  /** Kills it. */
  kill(): void {
    clearTimeout(this.#timer);
    this.#process.kill("SIGKILL");
  }

  /** How it ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#process.status;
  }

  /** Kills it and waits for its end. */
  async killed(): Promise<void> {
    this.kill();
    await this.status;
  }

  /** Closes its input, which ends it. @returns how it ended */
  async ended(): Promise<Deno.CommandStatus> {
    await this.#input.close().catch(() => {}); // a dead one's pipe is broken already
    const status = await this.#process.status;
    clearTimeout(this.#timer);
    await this.#lines.cancel();
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ended();
  }
}

function coded(_key: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return { bytes: Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

function isRecord(value: Value): value is { [key: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

function plain(value: Value): Value {
  if (!isRecord(value) || typeof value.bytes !== "string") return value;
  return Uint8Array.from(value.bytes.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** Asserts that Python raises an error of that class, whose message includes the text. */
export async function assertRaises(
  call: Promise<Value | void>,
  name: string,
  text = "",
): Promise<void> {
  const error = await assertRejects(() => call, PythonError, text);
  assertEquals(error.name, name, error.message);
}

/** Registers a test that needs Python. */
export function testWithPython(
  name: string,
  body: () => Promise<void>,
  { ignore = false }: { ignore?: boolean } = {},
): void {
  Deno.test({ name, ignore: linux.ignore || !hasProgram(PYTHON) || ignore, fn: body });
}
