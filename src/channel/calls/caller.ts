/** The client's side: its calls, and the connection to the server. */

import { lengthOf, plainBytes } from "../../../ffi/memory.ts";
import { system } from "../../os/mod.ts";
import { FOR_EVER, type Patience } from "../../wait/patience.ts";
import { pathOfMeeting } from "./beside.ts";
import { type Connection, makeConnection } from "./connection.ts";
import {
  ANSWER,
  CANCEL,
  ENDED,
  FAILURE,
  type Frame,
  readFrame,
  REQUEST,
  RPC_VERSION,
  sendMessage,
  WELCOME,
  wordsOf,
} from "./frames.ts";
import type { Meeting } from "./meeting.ts";
import { FULL, MOST_CLIENTS, UNREACHABLE } from "./meeting_layout.ts";
import { ACTION, PendingCall } from "./pending_call.ts";
import { Permits } from "./permits.ts";

/** How long to wait before looking again for a free slot to offer a connection in. */
const RETRY_MS = 5;

/** The result of `Client.stats`. */
export interface ClientStats {
  /** How many calls the server has, or is being sent. */
  readonly calls: number;
  /** How many wait until the server handles fewer. */
  readonly waiting: number;
  /** How many were answered, with a value, an error or a cancellation. */
  readonly answered: number;
}

/** The client's side of a connection. */
export class Caller {
  readonly #meeting: Meeting;
  readonly #connection: Connection;
  /** The path beside which the memory of the connection is; undefined if it is anonymous. */
  readonly #meetingPath: string | undefined;
  readonly #longestRequest: number;
  /** Calls that were sent and not ended by the server. */
  readonly #calls = new Map<number, PendingCall>();
  /** All calls, including those that wait for their turn. */
  readonly #pending = new Set<PendingCall>();
  /** There are none before the server's welcome. */
  readonly #permits = new Permits(0);
  #welcomed = false;
  #lastId = 0;
  #answered = 0;
  /** The error that prevents further calls. */
  #failure: Error | undefined;

  /** Fulfilled once this has failed and no wait is left. */
  readonly finished: Promise<void>;

  /**
   * Offers a connection at a meeting place, which this owns from now on. @throws as `connect` does
   */
  constructor(meeting: Meeting) {
    const pid = meeting.serverPid();
    if (pid === undefined) {
      throw new Deno.errors.ConnectionRefused("Cannot connect to server: there is no server");
    }
    const { ringCapacity, longestRequest, pidNamespace: theirs } = meeting.facts();
    const isNear = theirs !== 0 && theirs === system().processes.pidNamespace();
    this.#meetingPath = isNear ? undefined : pathOfMeeting(meeting.placed.region);
    const { connection, text } = makeConnection(ringCapacity, pid, this.#meetingPath);
    this.#meeting = meeting;
    this.#connection = connection;
    this.#longestRequest = longestRequest;
    this.finished = Promise.all([this.#listen(), this.#offer(text)]).then(() => {});
  }

  /** The server's process. */
  get pid(): number {
    return this.#connection.pid;
  }

  /** Offers the connection, and waits for the server to take it. */
  async #offer(text: string): Promise<void> {
    const meeting = this.#meeting;
    try {
      while (!meeting.offer(text)) {
        if (meeting.serverPid() === undefined) return this.fail(this.#refused());
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      if (await meeting.decided(FOR_EVER)) meeting[Symbol.dispose]();
      else this.fail(this.#refused());
    } catch (error) {
      // This may also be because the client was closed meanwhile.
      this.fail(error as Error);
    }
  }

  #refused(): Error {
    const { why } = this.#meeting;
    if (why === FULL) {
      return new Deno.errors.ConnectionRefused(
        `Cannot connect to server: process ${this.pid} has ${MOST_CLIENTS} clients, and takes no more`,
      );
    }
    if (why === UNREACHABLE) return this.#unreachable();
    return new Deno.errors.ConnectionRefused(
      `Cannot connect to server: process ${this.pid} has ended or does not take the connection`,
    );
  }

  /** The error if the server cannot open the memory. */
  #unreachable(): Error {
    const subject = `Cannot connect to server: process ${this.pid}`;
    if (this.#meetingPath !== undefined) {
      return new Deno.errors.PermissionDenied(
        `${subject} cannot open what this one makes beside '${this.#meetingPath}': ` +
          `it is of another user, or sees another directory there`,
      );
    }
    return new Deno.errors.PermissionDenied(
      `${subject} cannot open this one's memory: it is of another user, or, for a server ` +
        `without a name or path, in another PID namespace`,
    );
  }

  /** Receives the server's messages, until one side leaves or dies. */
  async #listen(): Promise<void> {
    const { answers } = this.#connection;
    try {
      for (let m = await answers.receive(); m !== null; m = await answers.receive()) {
        this.#take(readFrame(m));
      }
      this.fail(
        new Deno.errors.BrokenPipe(
          `Cannot ${ACTION}: the server was closed, or has ended the connection`,
        ),
      );
    } catch (error) {
      this.fail(this.#explain(error as Error));
    }
  }

  #explain(cause: Error): Error {
    if (!(cause instanceof Deno.errors.ConnectionReset)) return cause;
    const { ConnectionReset } = Deno.errors;
    return new ConnectionReset(`Cannot ${ACTION}: process ${this.pid} has died`, { cause });
  }

  /** @throws {Deno.errors.InvalidData} If a server may not send this message. */
  #take(frame: Frame): void {
    if (frame.kind === WELCOME && !this.#welcomed) return this.#start(frame);
    const call = this.#calls.get(frame.call);
    const isEnd = [ANSWER, FAILURE, ENDED].includes(frame.kind);
    if (call === undefined || !isEnd) {
      throw new Deno.errors.InvalidData(`Cannot ${ACTION}: the server sent an invalid message`);
    }
    call.add(frame);
    if (frame.hasMore) return;
    // This comes first: if it throws, the call is rejected with all others.
    call.end(frame.kind);
    this.#calls.delete(frame.call);
    this.#pending.delete(call);
    this.#answered++;
    this.#permits.leave();
  }

  #start(frame: Frame): void {
    const [version, concurrency] = wordsOf(frame);
    if (version !== RPC_VERSION) {
      throw new Deno.errors.InvalidData(
        `Cannot ${ACTION}: the server uses version ${version} of the messages`,
      );
    }
    this.#welcomed = true;
    for (let i = 0; i < concurrency!; i++) this.#permits.leave();
  }

  /** @throws {RangeError} If the request is too long. @throws as `Client.call` does */
  call(request: Uint8Array, patience: Patience): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = plainBytes(request, "request", ACTION);
    if (lengthOf(bytes) > this.#longestRequest) {
      throw new RangeError(
        `Cannot ${ACTION} as a request must be at most ${this.#longestRequest} bytes long: ` +
          `received ${lengthOf(bytes)}`,
      );
    }
    if (this.#failure !== undefined) throw this.#failure;
    const call = new PendingCall(bytes, this.#send, this.#cancel);
    this.#pending.add(call);
    call.limit(patience);
    this.#permits.enter(call.start);
    return call.promise;
  }

  readonly #send = async (call: PendingCall): Promise<void> => {
    call.id = this.#nextId();
    this.#calls.set(call.id, call);
    try {
      const { requests } = this.#connection;
      await sendMessage(requests, REQUEST, call.id, call.request, () => !call.settled);
    } catch (error) {
      this.#failSending(error as Error);
    }
  };

  /** See `Client.stats`. */
  get stats(): ClientStats {
    const calls = this.#calls.size;
    return { calls, waiting: this.#pending.size - calls, answered: this.#answered };
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0; while (
      this.#lastId === 0 || this.#calls.has(this.#lastId)
    );
    return this.#lastId;
  }

  /** If the server is gone, its earlier messages are received first: see `#listen`. */
  #failSending(error: Error): void {
    const { BadResource, BrokenPipe, ConnectionReset } = Deno.errors;
    if ([BadResource, BrokenPipe, ConnectionReset].some((gone) => error instanceof gone)) return;
    this.fail(error);
  }

  readonly #cancel = (call: PendingCall, why: number): void => {
    if (this.#permits.forget(call.start)) {
      this.#pending.delete(call);
      return;
    }
    sendMessage(this.#connection.requests, CANCEL, call.id, new Uint8Array([why]))
      .catch((error) => this.#failSending(error));
  };

  /** Prevents further calls and rejects waiting ones. Only the first reason counts. */
  fail(reason: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    for (const call of this.#pending) call.fail(reason);
    this.#pending.clear();
    this.#calls.clear();
    try {
      this.#connection[Symbol.dispose]();
    } catch {
      // Memory that the server can write to is damaged. It is not used any more.
    }
    this.#meeting[Symbol.dispose]();
  }
}
