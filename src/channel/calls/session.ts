/** The server's side of one client. */

import type { Connection } from "./connection.ts";
import { encodeError } from "./errors.ts";
import {
  ANSWER,
  CANCEL,
  ENDED,
  FAILURE,
  type Frame,
  Parts,
  readFrame,
  REQUEST,
  sendMessage,
  TIMED_OUT,
} from "./frames.ts";
import type { Permits } from "./permits.ts";

/** What a handler gets about a call besides the request. */
export interface CallInfo {
  /**
   * Aborted when the answer is no longer wanted: the call timed out or was aborted, the client has
   * left or died, or the server was closed. The reason tells which.
   */
  readonly signal: AbortSignal;
  /** The client's process. */
  readonly pid: number;
}

/** Answers calls. If it throws, `call` throws in the client. */
export type Handler = (
  request: Uint8Array<ArrayBuffer>,
  info: CallInfo,
) => Uint8Array | Promise<Uint8Array>;

/** The settings for all clients of a server. */
export interface ServerPlan {
  readonly handler: Handler;
  /** The most handlers that run, and calls that one client may have, at a time. */
  readonly concurrency: number;
  /** In bytes. */
  readonly longestRequest: number;
  /** The permits of all clients together. */
  readonly permits: Permits;
}

/** One client. */
export class Session {
  readonly connection: Connection;
  readonly plan: ServerPlan;
  readonly #calls = new Map<number, ServedCall>();
  /** How many calls were answered, with a value, an error or a cancellation. */
  answered = 0;
  #ended = false;

  constructor(connection: Connection, plan: ServerPlan) {
    this.connection = connection;
    this.plan = plan;
  }

  /** Serves the client until it leaves, dies or breaks the rules. Throws nothing. */
  async run(): Promise<void> {
    const { requests } = this.connection;
    try {
      for (let m = await requests.receive(); m !== null; m = await requests.receive()) {
        this.#take(readFrame(m));
      }
      this.end(new Deno.errors.BrokenPipe("The client has left"));
    } catch (error) {
      this.end(error);
    }
  }

  /** @throws {Deno.errors.InvalidData} If the client may not send this message. */
  #take(frame: Frame): void {
    const call = this.#calls.get(frame.call);
    if (frame.kind === REQUEST) {
      (call ?? this.#open(frame.call)).add(frame);
    } else if (frame.kind === CANCEL) {
      // If there is no such call, its answer is on the way already.
      call?.cancel(cancellation(frame.part[0]));
    } else {
      throw new Deno.errors.InvalidData(`The client sent a message of kind ${frame.kind}`);
    }
  }

  #open(id: number): ServedCall {
    // Twice, because a client may know that a call is over a moment before it is removed here.
    if (this.#calls.size >= 2 * this.plan.concurrency) {
      throw new Deno.errors.InvalidData("The client has too many calls at a time");
    }
    const call = new ServedCall(this, id);
    this.#calls.set(id, call);
    return call;
  }

  /** How many calls are under way. */
  get calls(): number {
    return this.#calls.size;
  }

  /** Sends the outcome of a call, and forgets the call. */
  async finish(
    call: ServedCall,
    kind: number,
    bytes: Uint8Array,
    isWanted?: () => boolean,
  ): Promise<void> {
    try {
      const { answers } = this.connection;
      const isWhole = await sendMessage(answers, kind, call.id, bytes, isWanted);
      if (!isWhole) await sendMessage(answers, ENDED, call.id, NOTHING);
      this.answered++;
    } catch (error) {
      // The client no longer listens.
      this.end(error);
    } finally {
      this.#calls.delete(call.id);
    }
  }

  /** Ends the session: aborts the client's calls and drops their answers. May be repeated. */
  end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const call of this.#calls.values()) call.abandon(reason);
    try {
      this.connection[Symbol.dispose]();
    } catch {
      // The client's memory is damaged, which affects nobody else.
    }
  }

  /** Whether the session has ended, so that no more answers can be sent. */
  get ended(): boolean {
    return this.#ended;
  }
}

const NOTHING = new Uint8Array(0);

function cancellation(code: number | undefined): Error {
  if (code === TIMED_OUT) return new Deno.errors.TimedOut("The client did not wait any longer");
  return new DOMException("The client has aborted the call", "AbortError");
}

/** One call: its request arrives in parts, waits for a permit, and is handled. */
class ServedCall implements CallInfo {
  readonly id: number;
  readonly #session: Session;
  readonly #parts = new Parts();
  #state: "arriving" | "waiting" | "running" | "over" = "arriving";
  #abort: AbortController | undefined;
  #cancelled: { readonly reason: unknown } | undefined;

  constructor(session: Session, id: number) {
    this.#session = session;
    this.id = id;
  }

  get pid(): number {
    return this.#session.connection.pid;
  }

  /** Made on demand: most handlers do not use it. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#cancelled !== undefined) this.#abort.abort(this.#cancelled.reason);
    }
    return this.#abort.signal;
  }

  /** Takes a part of the request. @throws {Deno.errors.InvalidData} If the client may not send it. */
  add({ part, hasMore }: Frame): void {
    const { plan } = this.#session;
    if (this.#state !== "arriving") {
      throw new Deno.errors.InvalidData("The client used a number for two calls");
    }
    if (this.#parts.byteLength + part.length > plan.longestRequest) {
      throw new Deno.errors.InvalidData("The client sent a request that is too long");
    }
    this.#parts.add(part);
    if (hasMore) return;
    this.#state = "waiting";
    plan.permits.enter(this.#start);
  }

  readonly #start = (): void => {
    this.#state = "running";
    this.#run();
  };

  async #run(): Promise<void> {
    const { permits } = this.#session.plan;
    let kind = ANSWER;
    let bytes: Uint8Array;
    try {
      bytes = await this.#handle();
    } catch (error) {
      kind = FAILURE;
      bytes = encodeError(error);
    }
    permits.leave();
    if (this.#session.ended) return;
    if (this.#cancelled !== undefined) await this.#session.finish(this, ENDED, NOTHING);
    else await this.#session.finish(this, kind, bytes, () => this.#cancelled === undefined);
  }

  async #handle(): Promise<Uint8Array> {
    const answer: unknown = await this.#session.plan.handler(this.#parts.take(), this);
    if (answer instanceof Uint8Array) return answer;
    throw new TypeError("Cannot answer call as the handler must give a Uint8Array");
  }

  /** Cancels the call: the client no longer waits for it. */
  cancel(reason: unknown): void {
    if (this.#cancelled !== undefined) return;
    this.abandon(reason);
    if (this.#state === "running") return;
    this.#state = "over";
    this.#session.finish(this, ENDED, NOTHING);
  }

  /** Abandons the call: nobody waits for it any more. */
  abandon(reason: unknown): void {
    this.#cancelled ??= { reason };
    this.#session.plan.permits.forget(this.#start);
    this.#abort?.abort(reason);
  }
}
