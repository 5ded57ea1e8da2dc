/** Passes an object over a Unix socket to a process that may not read this one's /proc. */

import { cString } from "../../../ffi/arguments.ts";
import { isSystemError } from "../../../ffi/call.ts";
import { POLLIN } from "../../../ffi/constants.ts";
import { close } from "../../../ffi/file_calls.ts";
import { libc } from "../../../ffi/libc.ts";
import {
  acceptFrom,
  bindAndListen,
  connectTo,
  pollSocket,
  receiveDescriptor,
  sendDescriptor,
  unixAddress,
  unixSocket,
} from "../../../ffi/socket.ts";
import type { OpenObject, Passed, PassingSystem, Patience } from "../object_system.ts";

export const passing: PassingSystem = { send, receive };

/**
 * The length of one wait for the other side, and so the delay until a timeout or an abort is
 * noticed.
 */
const STEP_MS = 50;

/** More than any handle needs: its longest part is a path of at most 4096 bytes, escaped. */
const MAX_MESSAGE_BYTES = 65_536;

/** Waits for one process to connect, and sends it the message and the descriptor. */
async function send(
  socketPath: string,
  object: OpenObject,
  message: Uint8Array<ArrayBuffer>,
  patience: Patience,
): Promise<void> {
  const address = unixAddress(socketPath);
  const listener = unixSocket();
  try {
    bindAndListen(listener, address, socketPath);
    try {
      const socket = await retry(() => acceptFrom(listener), listener, patience);
      try {
        sendDescriptor(socket, message, object);
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

/** Connects to a sender as soon as one is there, and receives what it sends. */
async function receive(socketPath: string, patience: Patience): Promise<Passed> {
  const address = unixAddress(socketPath);
  while (true) {
    const socket = await connectPatiently(address, socketPath, patience);
    try {
      const take = () => receiveDescriptor(socket, MAX_MESSAGE_BYTES);
      const { payload, fd } = await retry(take, socket, patience);
      return { message: payload, object: fd as OpenObject | undefined };
    } catch (error) {
      // The sender gave its region to another process and closed: another sender may follow.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      patience.check();
    } finally {
      close(socket);
    }
  }
}

/** Repeats a call that would block, each time the socket is ready. */
async function retry<T>(call: () => T, fd: number, patience: Patience): Promise<T> {
  while (true) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    patience.check();
    await pollSocket(fd, POLLIN, STEP_MS);
  }
}

const NOT_YET = ["ENOENT", "ECONNREFUSED", "EAGAIN"];

/** No event announces a socket that is still to be created, so this looks again and again. */
async function connectPatiently(
  address: Uint8Array<ArrayBuffer>,
  path: string,
  patience: Patience,
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
    patience.check();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
