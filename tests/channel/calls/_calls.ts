/** What the tests of servers and clients share. */

import {
  type CallInfo,
  type Client,
  connect,
  type Handler,
  serve,
  type ServeOptions,
  type Server,
} from "@mmap/mmap/channel";
import { Child } from "../../_child.ts";

/** A server and a client of it. */
export interface Service extends AsyncDisposable {
  readonly server: Server;
  readonly client: Client;
}

/** Starts a server in this process, and connects to it. */
export function openService(handler: Handler, options: ServeOptions = {}): Service {
  const server = serve(options, handler);
  const client = connect(server.handle());
  return {
    server,
    client,
    async [Symbol.asyncDispose](): Promise<void> {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Gives the request back. */
export function echo(request: Uint8Array): Uint8Array {
  return request;
}

/** What a handler sees of a call that it does not answer before it is aborted. */
export interface HeldCall {
  readonly request: Uint8Array;
  readonly info: CallInfo;
  /** Settles with the reason once the signal is aborted. */
  readonly aborted: Promise<unknown>;
  answer(bytes: Uint8Array): void;
}

/** A handler that answers when the test says so. */
export class Held {
  readonly #calls: HeldCall[] = [];
  #waiting: (() => void) | undefined;

  readonly handler: Handler = (request, info) => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const aborted = new Promise<unknown>((resolve) => {
      info.signal.addEventListener("abort", () => resolve(info.signal.reason));
    });
    this.#calls.push({ request, info, aborted, answer: resolve });
    this.#waiting?.();
    return promise;
  };

  /** How many calls were handed over and not taken by `next`. */
  get count(): number {
    return this.#calls.length;
  }

  /** The next call. */
  async next(): Promise<HeldCall> {
    while (this.#calls.length === 0) await new Promise<void>((resolve) => this.#waiting = resolve);
    return this.#calls.shift()!;
  }
}

/** Waits for what tells of itself by no event. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Never: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What processes of their own run. */
export const CALL_PEERS: URL = new URL("_call_peers.ts", import.meta.url);

/** A child that is a client of the server: an action of _call_peers.ts. */
export function clientChild(server: Server, action: string): Child {
  return new Child(CALL_PEERS, { args: [action], env: server.env() });
}

/** A child that prints its server's handle first: an action of _call_peers.ts. */
export async function serverChild(
  action: string,
): Promise<{ child: Child; client: Client; handle: string }> {
  const child = new Child(CALL_PEERS, { args: [action] });
  const handle = await child.readLine();
  return { child, handle, client: connect(handle) };
}
