/** Passing a region to a process that may not look into this one's /proc: over a Unix socket. */

import { isSystemError } from "../../ffi/call.ts";
import { cString } from "../../ffi/arguments.ts";
import { POLLIN } from "../../ffi/constants.ts";
import { close } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import {
  acceptFrom,
  bindAndListen,
  connectTo,
  pollSocket,
  type Received,
  receiveDescriptor,
  sendDescriptor,
  unixAddress,
  unixSocket,
} from "../../ffi/socket.ts";
import { statusOf } from "../../ffi/status.ts";
import { timeout } from "../check/numbers.ts";
import { optionalSignal } from "../check/options.ts";
import { formatHandle, isObjectOf, parseHandle, type RegionHandle } from "../object/handle.ts";
import { checkPlaceDenied } from "../object/create_file.ts";
import { checkDenied } from "../object/permission.ts";

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

/** How long one look for the other side takes: how late a timeout or an abort may be noticed. */
const STEP_MS = 50;

/** A handle is far shorter: its longest part is a path of at most 4096 bytes, escaped. */
const MAX_MESSAGE_BYTES = 65_536;

/** Waits for one process to connect, and gives it a descriptor and what it leads to. */
export async function sendObject(
  handle: RegionHandle,
  fd: number,
  socketPath: string,
  options: PassOptions,
): Promise<void> {
  const wait = waiting("send region", options);
  checkDenied(socketPath, true);
  checkPlaceDenied(socketPath);
  const address = unixAddress(socketPath);
  const listener = unixSocket();
  try {
    bindAndListen(listener, address, socketPath);
    try {
      const socket = await retry(() => acceptFrom(listener), listener, wait);
      try {
        sendDescriptor(socket, new TextEncoder().encode(formatHandle(handle)), fd);
      } finally {
        close(socket);
      }
    } finally {
      libc().unlink(cString(socketPath, "path", "unlink"));
    }
  } finally {
    close(listener);
  }
}

/** A descriptor that came over a socket, and the handle that it came with. */
export interface ReceivedObject {
  readonly handle: RegionHandle;
  readonly fd: number;
}

/** Connects to a sender, as soon as there is one, and takes what it gives. */
export async function receiveObject(
  socketPath: string,
  options: PassOptions,
): Promise<ReceivedObject> {
  const wait = waiting("receive region", options);
  checkDenied(socketPath, true);
  const address = unixAddress(socketPath);
  while (true) {
    const socket = await connectPatiently(address, socketPath, wait);
    try {
      const take = () => receiveDescriptor(socket, MAX_MESSAGE_BYTES);
      return verified(await retry(take, socket, wait));
    } catch (error) {
      // The sender gave its region to another one and went: there may be a next sender.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      checkPatience(wait);
    } finally {
      close(socket);
    }
  }
}

/** @throws {TypeError} If something else than a region came. */
function verified({ payload, fd }: Received): ReceivedObject {
  if (fd === undefined) throw new TypeError("Cannot receive region: no descriptor came");
  try {
    const handle = parseHandle(new TextDecoder().decode(payload));
    if (isObjectOf(handle, statusOf(fd))) return { handle, fd };
    throw new TypeError(
      "Cannot receive region: the descriptor is of another object than the handle",
    );
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** The end of patience. */
interface Waiting {
  readonly action: string;
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

function waiting(action: string, options: PassOptions): Waiting {
  const timeoutMs = timeout(options.timeoutMs, action, DEFAULT_TIMEOUT_MS);
  const signal = optionalSignal(options.signal, action);
  signal?.throwIfAborted();
  return { action, deadline: performance.now() + timeoutMs, signal };
}

function checkPatience({ action, deadline, signal }: Waiting): void {
  signal?.throwIfAborted();
  if (performance.now() < deadline) return;
  throw new Deno.errors.TimedOut(`Cannot ${action}: nobody was at the other end of the socket`);
}

/** Repeats a call that would have to wait, whenever the socket has something. */
async function retry<T>(call: () => T, fd: number, wait: Waiting): Promise<T> {
  while (true) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    checkPatience(wait);
    await pollSocket(fd, POLLIN, STEP_MS);
  }
}

const NOT_YET = ["ENOENT", "ECONNREFUSED", "EAGAIN"];

/** There is no event for a socket that is yet to be made: this one has to look again. */
async function connectPatiently(
  address: Uint8Array<ArrayBuffer>,
  path: string,
  wait: Waiting,
): Promise<number> {
  while (true) {
    const socket = unixSocket();
    try {
      connectTo(socket, address, path);
      return socket;
    } catch (error) {
      close(socket);
      if (!isSystemError(error) || !NOT_YET.includes(error.code)) throw error;
    }
    checkPatience(wait);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
