/** `serve`: answers to the calls of other processes. */

import { callable, checkMade, checkOptions, flag, type Names } from "../../check/options.ts";
import { wholeNumber } from "../../check/numbers.ts";
import { system } from "../../os/mod.ts";
import { formatHandle, type RegionHandle } from "../../object/handle.ts";
import { SERVER } from "../kinds.ts";
import { capacityFrom } from "../options.ts";
import { createPlaced, PLACE, type PlaceOptions } from "../place.ts";
import { pathOfMeeting } from "./beside.ts";
import { acceptConnection, type Connection } from "./connection.ts";
import { Meeting, type Offer } from "./meeting.ts";
import { FULL, MEETING, MOST_CLIENTS, UNREACHABLE } from "./meeting_layout.ts";
import { Permits } from "./permits.ts";
import { type Handler, type ServerPlan, Session } from "./session.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions extends PlaceOptions {
  /**
   * The length in bytes of each client's two rings, one for requests and one for answers: rounded
   * up to a power of two, at least 4096. Longer requests and answers are sent in parts.
   * @default {262144}
   */
  capacity?: number;
  /**
   * How many handlers run at a time, and how many calls one client may have at a time; further ones
   * wait, in the client.
   * @default {64}
   */
  concurrency?: number;
  /**
   * The longest request, in bytes: below 2^32.
   * @default {268435456}
   */
  maxRequestByteLength?: number;
  /**
   * true: the event loop is held until the server is closed, whatever its waits do. Those hold it on
   * every system that this module runs on now, so it says that the program relies on it. It is no
   * help against `using` at the top of a module, which closes the server at the module's end: use
   * `const` there, or `await server.finished`.
   * @default {false}
   */
  keepAlive?: boolean;
}

const SERVE: Names<ServeOptions> = {
  ...PLACE,
  capacity: true,
  concurrency: true,
  maxRequestByteLength: true,
  keepAlive: true,
};

const ACTION = "serve";
const DEFAULT_CAPACITY = 1 << 18;
const DEFAULT_CONCURRENCY = 64;
const MOST_CONCURRENCY = 2 ** 20;
const DEFAULT_LONGEST_REQUEST = 2 ** 28;
const MOST_REQUEST = 2 ** 32 - 1;
/** The interval of a timer that does nothing. */
const ALIVE_MS = 2 ** 30;

/** The default environment variable of `env` and `fromEnv`. */
export const DEFAULT_VARIABLE = "MMAP_SERVER";

/** The result of `Server.stats`. */
export interface ServerStats {
  /** How many clients are connected; see `Server.clients`. */
  readonly clients: number;
  /** How many calls are under way, whether their handlers run already or not. */
  readonly calls: number;
  /** How many were answered, with a value, an error or a cancellation. */
  readonly answered: number;
}

/** Makes a server; for `serve` only. */
let make: (meeting: Meeting, plan: ServerPlan, keepAlive: boolean) => Server;

/**
 * A server that answers calls until it is closed, made by {@linkcode serve}. As long as it is open,
 * the program does not end by itself.
 */
export class Server implements Disposable, AsyncDisposable {
  readonly #meeting: Meeting;
  readonly #plan: ServerPlan;
  readonly #meetingPath: string | undefined;
  readonly #sessions = new Map<Session, Promise<void>>();
  readonly #finished: Promise<void>;
  readonly #keepAlive: ReturnType<typeof setInterval> | undefined;
  /** The calls that were answered for clients that have left. */
  #answered = 0;

  static {
    make = (meeting, plan, keepAlive) => new Server(meeting, plan, keepAlive);
  }

  /**
   * @ignore
   * @throws {TypeError} Always, except for `serve`.
   */
  private constructor(meeting: Meeting, plan: ServerPlan, keepAlive: boolean) {
    checkMade(meeting, "placed", "serve");
    this.#meeting = meeting;
    this.#plan = plan;
    this.#meetingPath = pathOfMeeting(meeting.placed.region);
    this.#keepAlive = keepAlive ? setInterval(() => {}, ALIVE_MS) : undefined;
    this.#finished = this.#listen();
  }

  /** How many clients are connected. A dead client is still counted for up to 100 ms. */
  get clients(): number {
    return this.#sessions.size;
  }

  /** How many calls there are and were, of all clients: for monitoring. */
  stats(): ServerStats {
    const sessions = [...this.#sessions.keys()];
    return {
      clients: sessions.length,
      calls: sessions.reduce((sum, { calls }) => sum + calls, 0),
      answered: sessions.reduce((sum, { answered }) => sum + answered, this.#answered),
    };
  }

  /** Whether the server was closed. */
  get closed(): boolean {
    return this.#meeting.closed;
  }

  /** Fulfilled once the server was closed and no wait is left. It does not await handlers. */
  get finished(): Promise<void> {
    return this.#finished;
  }

  /**
   * What another process needs to connect, as plain JSON; valid as long as the server is open.
   *
   * @throws {Deno.errors.BadResource} If the server is closed.
   */
  handle(): RegionHandle {
    return this.#meeting.placed.region.handle();
  }

  /**
   * The handle as environment variables for `Deno.Command`.
   *
   * @param variable default "MMAP_SERVER"
   */
  env(variable: string = DEFAULT_VARIABLE): Record<string, string> {
    return { [variable]: formatHandle(this.handle()) };
  }

  /** Accepts clients until the server is closed. */
  async #listen(): Promise<void> {
    try {
      while (!this.closed) {
        for (const offer of await this.#meeting.offers({ deadline: Infinity, signal: undefined })) {
          this.#decide(offer);
        }
      }
    } catch {
      // The server was closed, or no client can ever connect again.
      this.close();
    }
    await Promise.all(this.#sessions.values());
  }

  #decide(offer: Offer): void {
    const connection = this.#accept(offer.text);
    const isTaken = typeof connection === "object";
    if (isTaken) this.#serve(connection);
    this.#meeting.decide(offer, isTaken, isTaken ? 0 : connection);
  }

  /** @returns or why not; 0 if the client died meanwhile or breaks the rules */
  #accept(text: string): Connection | number {
    if (this.#sessions.size >= MOST_CLIENTS) return FULL;
    try {
      return acceptConnection(text, this.#plan.concurrency, this.#meetingPath);
    } catch (error) {
      return isUnreached(error) ? UNREACHABLE : 0;
    }
  }

  #serve(connection: Connection): void {
    const session = new Session(connection, this.#plan);
    const ended = session.run().then(() => {
      this.#sessions.delete(session);
      this.#answered += session.answered;
    });
    this.#sessions.set(session, ended);
  }

  /**
   * Ends the server at once: the signals of running handlers are aborted, and all calls that have no
   * answer yet fail with `Deno.errors.BrokenPipe`. Closing a closed server does nothing.
   */
  close(): void {
    if (this.closed) return;
    clearInterval(this.#keepAlive);
    this.#meeting.leaveSeat();
    this.#meeting[Symbol.dispose]();
    const reason = new Deno.errors.BrokenPipe("The server was closed");
    for (const session of this.#sessions.keys()) session.end(reason);
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** As {@linkcode close}, and waits for {@linkcode finished}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#finished;
  }
}

/**
 * Answers the calls of other processes and Workers: see `connect`. Each call runs the handler once.
 * Many handlers run at a time, and answers are sent in the order in which they are ready.
 *
 * An answer must not change until it is sent, so return one that nobody else uses.
 *
 * If the handler throws, `call` throws in the client: an error of the same class (of those built
 * into JavaScript and Deno), name, message and `code`, whose `cause` is the text that
 * `Deno.inspect` shows for the original.
 *
 * A server takes up to 512 clients. A client in another PID namespace can connect if the server has
 * a path or name, and if it belongs to the server's user or the server is root.
 *
 * A client that dies, stops, does not read its answers or sends nonsense does not hold up others. A
 * process that can write to the memory of the server's handle can keep new clients from connecting,
 * but can do nothing else.
 *
 * @param options where clients find the server, and its limits; with a name or path, one server at a
 * time may be there
 * @throws {Deno.errors.AddrInUse} If there is a server of that name or path.
 * @throws {Deno.errors.AlreadyExists} If something else is there.
 * @throws {RangeError} If an option is out of range.
 * @throws {Error} ENOSPC: there is not enough memory, or room on the disk.
 * @throws {TypeError} If `handler` is not a function.
 *
 * @example
 * ```ts
 * import { connect, serve } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ capacity: 65536 }, (request) => request.map((byte) => 2 * byte));
 * await using client = connect(server.handle()); // a child: Client.fromEnv(), given server.env()
 * assertEquals(await client.call(new Uint8Array([1, 2, 3])), new Uint8Array([2, 4, 6]));
 * ```
 */
export function serve(options: ServeOptions, handler: Handler): Server {
  callable(handler, "handler", ACTION);
  checkOptions(options, SERVE, ACTION);
  const { capacity = DEFAULT_CAPACITY, maxRequestByteLength = DEFAULT_LONGEST_REQUEST } = options;
  const ringCapacity = capacityFrom(capacity, ACTION);
  const longestRequest = count(maxRequestByteLength, "maxRequestByteLength", MOST_REQUEST);
  const concurrency = count(
    options.concurrency ?? DEFAULT_CONCURRENCY,
    "concurrency",
    MOST_CONCURRENCY,
  );
  const keepAlive = flag(options.keepAlive, "keepAlive", ACTION, false);
  const permits = new Permits(concurrency);
  const meeting = new Meeting(createPlaced(options, SERVER, MEETING));
  try {
    meeting.takeSeat({
      ringCapacity,
      longestRequest,
      pidNamespace: system().processes.pidNamespace(),
    });
  } catch (error) {
    meeting[Symbol.dispose]();
    throw error;
  }
  return make(meeting, { handler, concurrency, longestRequest, permits }, keepAlive);
}

/** Whether opening a client's memory failed without a fault of the client. */
function isUnreached(error: unknown): boolean {
  const { NotFound, NotSupported, PermissionDenied } = Deno.errors;
  return [NotFound, NotSupported, PermissionDenied].some((type) => error instanceof type);
}

/** @throws {RangeError} If it is less than 1 or more than `most`. */
function count(value: number, name: string, most: number): number {
  return wholeNumber(value, name, ACTION, 1, most);
}
