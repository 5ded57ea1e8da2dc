/** Passing an object to a process that may not look into this one's /proc: over a Unix socket. */

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

/** How long one look for the other side takes: how late a timeout or an abort may be noticed. */
const STEP_MS = 50;

/** A handle is far shorter: its longest part is a path of at most 4096 bytes, escaped. */
const MAX_MESSAGE_BYTES = 65_536;

/** Waits for one process to connect, and gives it a descriptor and what it leads to. */
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

/** Connects to a sender, as soon as there is one, and takes what it gives. */
async function receive(socketPath: string, patience: Patience): Promise<Passed> {
  const address = unixAddress(socketPath);
  while (true) {
    const socket = await connectPatiently(address, socketPath, patience);
    try {
      const take = () => receiveDescriptor(socket, MAX_MESSAGE_BYTES);
      const { payload, fd } = await retry(take, socket, patience);
      return { message: payload, object: fd as OpenObject | undefined };
    } catch (error) {
      // The sender gave its region to another one and went: there may be a next sender.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      patience.check();
    } finally {
      close(socket);
    }
  }
}

/** Repeats a call that would have to wait, whenever the socket has something. */
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

/** There is no event for a socket that is yet to be made: this one has to look again. */
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
