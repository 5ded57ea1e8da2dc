/** Passing a region to a process that cannot reach its object otherwise. */

import { timeout } from "../check/numbers.ts";
import { optionalSignal } from "../check/options.ts";
import { formatHandle, isObjectOf, parseHandle, type RegionHandle } from "../object/handle.ts";
import { checkDenied, checkEntryDenied } from "../object/permission.ts";
import { system } from "../os/mod.ts";
import type { OpenObject, Passed, Patience } from "../os/system.ts";

/** How long to wait for the other side. */
export interface PassOptions {
  /**
   * In milliseconds; after that the call throws `Deno.errors.TimedOut`.
   * @default {30000}
   */
  timeoutMs?: number;
  /** Ends the waiting; the call throws the signal's reason. */
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** Waits for one process to connect, and sends it an object and its handle. */
export async function sendObject(
  handle: RegionHandle,
  object: OpenObject,
  socketPath: string,
  options: PassOptions,
): Promise<void> {
  const patience = patienceOf("send region", options);
  checkDenied(socketPath, true);
  checkEntryDenied(socketPath);
  const { send } = await system().passing();
  await send(socketPath, object, new TextEncoder().encode(formatHandle(handle)), patience);
}

/** An object that another process sent, with its handle. */
export interface ReceivedObject {
  readonly handle: RegionHandle;
  readonly object: OpenObject;
}

/** Connects to a sender as soon as one is there, and receives what it sends. */
export async function receiveObject(
  socketPath: string,
  options: PassOptions,
): Promise<ReceivedObject> {
  const patience = patienceOf("receive region", options);
  checkDenied(socketPath, true);
  const { receive } = await system().passing();
  return verified(await receive(socketPath, patience));
}

/** @throws {TypeError} If anything but a region arrived. */
function verified({ message, object }: Passed): ReceivedObject {
  if (object === undefined) throw new TypeError("Cannot receive region: no descriptor arrived");
  const { objects } = system();
  try {
    const handle = parseHandle(new TextDecoder().decode(message));
    if (isObjectOf(handle, objects.status(object))) return { handle, object };
    throw new TypeError(
      "Cannot receive region: the descriptor does not lead to the handle's object",
    );
  } catch (error) {
    objects.close(object);
    throw error;
  }
}

function patienceOf(action: string, options: PassOptions): Patience {
  const timeoutMs = timeout(options.timeoutMs, action, DEFAULT_TIMEOUT_MS);
  const signal = optionalSignal(options.signal, action);
  const deadline = performance.now() + timeoutMs;
  signal?.throwIfAborted();
  return {
    check(): void {
      signal?.throwIfAborted();
      if (performance.now() < deadline) return;
      throw new Deno.errors.TimedOut(`Cannot ${action}: nobody was at the other end of the socket`);
    },
  };
}
