/** `connect`: calls to a server in another process. */

import { checkMade, checkOptions, type Names } from "../../check/options.ts";
import type { RegionHandle } from "../../object/handle.ts";
import { MmapRegion } from "../../region/mmap_region.ts";
import { type Patience, patience, WAIT, type WaitOptions } from "../../wait/patience.ts";
import { handleFrom } from "../environment.ts";
import { SERVER } from "../kinds.ts";
import { attachPlaced, PLACE, type PlaceOptions } from "../place.ts";
import { Caller, type ClientStats } from "./caller.ts";
import { Meeting } from "./meeting.ts";
import { checkMeeting } from "./meeting_layout.ts";
import { callMethod, type Remote, remoteOf } from "./object.ts";
import { DEFAULT_VARIABLE } from "./server.ts";

const ACTION = "call server";
const CONNECTING = "connect to server";

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /**
   * The time limit for calls without a `timeoutMs` of their own, in milliseconds. By default there
   * is none.
   */
  timeoutMs?: number;
}

const CONNECT: Names<ConnectOptions> = { timeoutMs: true };

/** Makes a client; for `connect` only. */
let make: (caller: Caller, options: ConnectOptions) => Client;

/**
 * A client that calls a server, made by {@linkcode connect}. As long as it is open, the program
 * does not end by itself.
 */
export class Client implements Disposable, AsyncDisposable {
  readonly #caller: Caller;
  readonly #options: ConnectOptions;
  #closed = false;

  static {
    make = (caller, options) => new Client(caller, options);
  }

  /**
   * @ignore
   * @throws {TypeError} Always, except for `connect`.
   */
  private constructor(caller: Caller, options: ConnectOptions) {
    checkMade(caller, "call", "connect or Client.fromEnv");
    this.#caller = caller;
    this.#options = options;
  }

  /**
   * Connects to the server that the parent process put into the environment with `Server.env`.
   *
   * @param variable default "MMAP_SERVER"
   * @throws {Deno.errors.NotFound} If the variable is not set.
   * @throws as {@linkcode connect}
   */
  static fromEnv(variable: string = DEFAULT_VARIABLE, options: ConnectOptions = {}): Client {
    return connect(handleFrom(variable, SERVER.name), options);
  }

  /** The server's process. */
  get pid(): number {
    return this.#caller.pid;
  }

  /** How many calls there are and were of this client: for monitoring. */
  stats(): ClientStats {
    return this.#caller.stats;
  }

  /** Whether the client was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Fulfilled once the client was closed, or the server has left or died, and no wait is left.
   */
  get finished(): Promise<void> {
    return this.#caller.finished;
  }

  /**
   * Sends a request and waits for the answer; both of any length. Many calls may be under way, and
   * answers come in any order. If the server is already handling its maximum of calls, the call
   * waits. The request must not change until it is sent.
   *
   * A call that times out or is aborted aborts the handler's signal too.
   *
   * @returns the answer, with a buffer of its own
   * @throws what the handler throws: see `serve`
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   * @throws {Deno.errors.ConnectionReset} If the server dies; noticed within 100 ms.
   * @throws {Deno.errors.BrokenPipe} If the server is closed.
   * @throws {Deno.errors.ConnectionRefused} If the server ended before it took the connection, or
   * has its maximum of 512 clients.
   * @throws {Deno.errors.PermissionDenied} If the server may not open this process's memory.
   * @throws {Deno.errors.InvalidData} If the server sends an invalid message.
   * @throws {Deno.errors.BadResource} If the client is closed, also while it waits.
   * @throws {RangeError} If the request is longer than the server takes.
   * @throws {TypeError} If it is not a Uint8Array.
   */
  async call(request: Uint8Array, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#caller.call(request, this.#patience(options));
  }

  /** The options of a call; the defaults are those given to `connect`. */
  #patience(options: WaitOptions | undefined): Patience {
    if (options === undefined) return patience(this.#options, ACTION);
    checkOptions(options, WAIT, ACTION);
    const { timeoutMs = this.#options.timeoutMs, signal } = options;
    return patience({ timeoutMs, signal } as WaitOptions, ACTION);
  }

  /**
   * The server's object, if the server was made by `serveObject`. Each of its methods returns a
   * promise of the remote method's result. The object has no state, and each call returns a new
   * one.
   *
   * @typeParam T the type of the object there
   * @param options for each of its calls
   */
  object<T extends object>(options?: WaitOptions): Remote<T> {
    if (options !== undefined) checkOptions(options, WAIT, ACTION);
    return remoteOf<T>((method, args) =>
      callMethod((request) => this.call(request, options), method, args)
    );
  }

  /**
   * Leaves the server: calls that wait fail with `Deno.errors.BadResource`, and the signals of their
   * handlers are aborted. Closing a closed client does nothing.
   */
  close(): void {
    this.#closed = true;
    this.#caller.fail(new Deno.errors.BadResource("Cannot call server: the client is closed"));
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** As {@linkcode close}, and waits for {@linkcode finished}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.finished;
  }
}

/**
 * Connects to a server of this or another process: see `serve`. Calls may be made immediately.
 *
 * If the server is in another PID namespace, such as another container, the connection lies in a file
 * beside the server's path or name. That file has a name until the server has opened it.
 *
 * @param server the server's handle, or its text form, or the name or path that it was given
 * @throws {Deno.errors.ConnectionRefused} If the server is gone.
 * @throws {Deno.errors.NotFound} If there is no such name or path.
 * @throws {Deno.errors.InvalidData} If something else is there.
 * @throws {RangeError} If `timeoutMs` is negative or NaN.
 * @throws {Error} ENOSPC: there is not enough memory, or room on the disk, for the connection.
 * @throws {Deno.errors.PermissionDenied} EACCES: this user cannot create a file beside the
 * server's.
 * @throws as `MmapRegion.attach` does
 *
 * @example
 * ```ts
 * import { connect, serve } from "@mmap/mmap/channel";
 * import { assertRejects } from "@std/assert";
 *
 * await using server = serve({}, () => {
 *   throw new RangeError("too much");
 * });
 * await using client = connect(server.handle());
 * await assertRejects(() => client.call(new Uint8Array(1)), RangeError, "too much");
 * ```
 */
export function connect(
  server: RegionHandle | string | PlaceOptions,
  options: ConnectOptions = {},
): Client {
  checkOptions(options, CONNECT, CONNECTING);
  const own = { ...options };
  patience(own, CONNECTING);
  const meeting = new Meeting(attachPlaced(openRegion(server), SERVER, checkMeeting));
  try {
    return make(new Caller(meeting), own);
  } catch (error) {
    meeting[Symbol.dispose]();
    throw error;
  }
}

function openRegion(server: RegionHandle | string | PlaceOptions): MmapRegion {
  if (typeof server === "string") return MmapRegion.attach(server);
  if (typeof server === "object" && server !== null && "version" in server) {
    return MmapRegion.attach(server);
  }
  checkOptions(server, PLACE, CONNECTING, "place");
  const { name, path } = server;
  if (name !== undefined && path === undefined) return MmapRegion.named(name);
  if (path !== undefined && name === undefined) {
    return MmapRegion.open(path, { access: "read-write" });
  }
  throw new TypeError("Cannot connect to server as it takes a handle, a name or a path");
}
