/**
 * Passes an object through a named pipe to a process of this user, which need not be able to reach this
 * one. The sender puts a handle into the receiver, and tells its number. Neither believes the other:
 *
 * - The receiver makes an event without a name, and tells its number. The sender takes it out of the
 *   process that the system says is connected, and sets it. Who can do that can do everything in that
 *   process: so the receiver takes no handle that others chose among those that it has.
 * - The handle is the receiver's once that has found the event set, which resets it. If the sender finds it
 *   set, the receiver has not taken the handle and never will: the sender closes it in there.
 *
 * | message | byte | type | what |
 * |---|---|---|---|
 * | of the receiver | 0 | u32 | MAGIC |
 * | | 4 | u32 | its event |
 * | of the sender | 0 | u32 | MAGIC |
 * | | 4 | u32 | the handle in the receiver |
 * | | 8 | u32 | 0: a file; FILE_MAP_READ, and FILE_MAP_WRITE: shared memory, and what for |
 * | | 12 | | what is said of it |
 */

import { isSystemError } from "../../../ffi/call.ts";
import { checkHandle, checkTrue, ERROR_INVALID_PARAMETER } from "../../../ffi/windows/errors.ts";
import { lastError, newStruct, SELF, type Struct, windows } from "../../../ffi/windows/library.ts";
import { pipes } from "../../../ffi/windows/pipes.ts";
import type { OpenObject, Passed, PassingSystem, Patience } from "../object_system.ts";
import { close, DUPLICATE_SAME_ACCESS, duplicateFrom } from "./files.ts";
import { PROCESS_DUP_HANDLE } from "./objects.ts";
import {
  clientOf,
  createPipe,
  disconnect,
  ENDED,
  isConnected,
  openPipe,
  pipeNameOf,
  readMessage,
  writeMessage,
} from "./pipes.ts";
import { hasEnded as isSignaled } from "./processes.ts";
import { accessTo, adoptSection, isSection, isWritable } from "./sections.ts";

export const passing: PassingSystem = { send, receive };

/** No event announces that a pipe is there, or has something to read, so this looks again and again. */
const LOOK_MS = 5;

const MAGIC = 0x53504d4d; // "MMPS"
const GREETING_BYTE_LENGTH = 8;
const OFFER_BYTE_LENGTH = 12;

/** More than any handle needs: its longest part is a path of at most 32,767 characters, escaped. */
const MAX_MESSAGE_BYTES = 2 ** 19;

/** Repeats a look until it finds something. */
async function until<T>(look: () => T | undefined, patience: Patience): Promise<T> {
  while (true) {
    const found = look();
    if (found !== undefined) return found;
    patience.check();
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** Waits for one receiver, and gives it the message and the object. */
async function send(
  path: string,
  object: OpenObject,
  message: Uint8Array<ArrayBuffer>,
  patience: Patience,
): Promise<void> {
  const pipe = createPipe(path, OFFER_BYTE_LENGTH + message.length);
  try {
    const look = () => isConnected(pipe) || undefined;
    for (let given = false; !given;) {
      await until(look, patience);
      given = await give(pipe, object, message, patience);
      if (!given) disconnect(pipe);
    }
  } finally {
    disconnect(pipe); // or its name would stay until whoever is connected closes it, too
    close(pipe);
  }
}

/** Who is connected: its process and its event, as handles of this process. */
interface Receiver {
  readonly process: number;
  readonly event: number;
}

/** @returns whether the one who is connected has taken it */
async function give(
  pipe: number,
  object: OpenObject,
  message: Uint8Array<ArrayBuffer>,
  patience: Patience,
): Promise<boolean> {
  const room = newStruct(GREETING_BYTE_LENGTH);
  const greeting = await until(() => readMessage(pipe, room), patience);
  const receiver = greeting === ENDED ? undefined : receiverOf(pipe, room.view);
  if (receiver === undefined) return false;
  try {
    return await offer({ receiver, pipe, object, message, patience });
  } finally {
    close(receiver.event);
    close(receiver.process);
  }
}

/**
 * Undefined if it has ended, or is none.
 *
 * @throws {Deno.errors.PermissionDenied} EACCES: this process may not give it anything.
 */
function receiverOf(pipe: number, greeting: DataView): Receiver | undefined {
  if (greeting.getUint32(0, true) !== MAGIC) return undefined;
  const { OpenProcess } = windows();
  const process = OpenProcess(PROCESS_DUP_HANDLE | SYNCHRONIZE, 0, clientOf(pipe));
  const error = lastError[0]!;
  if (process === 0 && error === ERROR_INVALID_PARAMETER) return undefined;
  checkHandle(process, error, "OpenProcess");
  const event = eventOf(process, greeting.getUint32(4, true));
  if (event !== undefined) return { process, event };
  close(process);
  return undefined;
}

const EVENT_MODIFY_STATE = 2;
const SYNCHRONIZE = 0x100000;

/** A process's event, which is not set; undefined if it has no such one. */
function eventOf(process: number, number: number): number | undefined {
  try {
    const event = duplicateFrom(BigInt(process), number, EVENT_MODIFY_STATE | SYNCHRONIZE);
    if (pipes().ResetEvent(BigInt(event)) !== 0) return event;
    close(event); // it is something else
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  return undefined;
}

/** What {@linkcode offer} needs. */
interface Offer {
  readonly receiver: Receiver;
  readonly pipe: number;
  readonly object: OpenObject;
  readonly message: Uint8Array<ArrayBuffer>;
  readonly patience: Patience;
}

/** @returns whether the receiver has taken it; if not, it has nothing of it any more */
async function offer({ receiver, pipe, object, message, patience }: Offer): Promise<boolean> {
  const { process, event } = receiver;
  const access = isSection(object) ? accessTo(isWritable(object)) : 0;
  const put = putInto(process, object, access);
  if (put === undefined) return false;
  let failure: unknown;
  try {
    checkTrue(windows().SetEvent(BigInt(event)), lastError[0]!, "SetEvent");
    const room = newStruct(GREETING_BYTE_LENGTH);
    if (writeMessage(pipe, offerOf(put, access, message))) {
      // It closes its end once it has taken the handle.
      await until(() => readMessage(pipe, room) === ENDED || undefined, patience);
    }
  } catch (error) {
    failure = error;
  }
  if (!isSignaled(event)) return true;
  takeBack(process, put);
  if (failure !== undefined) throw failure;
  return false;
}

function offerOf(
  handle: number,
  access: number,
  message: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const { bytes, view } = newStruct(OFFER_BYTE_LENGTH + message.length);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, handle, true);
  view.setUint32(8, access, true);
  bytes.set(message, OFFER_BYTE_LENGTH);
  return bytes;
}

/** Puts a handle of an object into a process. @returns its number there; undefined if that has ended */
function putInto(process: number, object: OpenObject, access: number): number | undefined {
  const { bytes, view } = newStruct(8);
  const options = access === 0 ? DUPLICATE_SAME_ACCESS : 0;
  const { DuplicateHandle } = windows();
  const [from, to] = [BigInt(object), BigInt(process)];
  const result = DuplicateHandle(SELF, from, to, bytes, access, 0, options);
  const error = lastError[0]!;
  if (result === 0 && isSignaled(process)) return undefined;
  checkTrue(result, error, "DuplicateHandle");
  return view.getUint32(0, true);
}

const DUPLICATE_CLOSE_SOURCE = 1;

/** Closes a handle in a process. Silent if that has ended. */
function takeBack(process: number, handle: number): void {
  const { DuplicateHandle } = windows();
  DuplicateHandle(BigInt(process), BigInt(handle), 0n, null, 0, 0, DUPLICATE_CLOSE_SOURCE);
}

/** Opens a sender's pipe as soon as there is one, and receives what it sends. */
async function receive(path: string, patience: Patience): Promise<Passed> {
  let name: string | undefined;
  const look = () => {
    name ??= pipeNameOf(path);
    return name === undefined ? undefined : openPipe(name);
  };
  const room = newStruct(OFFER_BYTE_LENGTH + MAX_MESSAGE_BYTES);
  while (true) {
    const pipe = await until(look, patience);
    try {
      const passed = await take(pipe, room, patience);
      if (passed !== undefined) return passed;
    } finally {
      close(pipe);
    }
    // The sender gave its region to another process, or gave up: another sender may follow.
    patience.check();
    await pause();
  }
}

/** Undefined if the sender has ended before it gave anything. */
async function take(pipe: number, room: Struct, patience: Patience): Promise<Passed | undefined> {
  const { CreateEventW } = windows();
  const event = checkHandle(CreateEventW(null, 0, 0, null), lastError[0]!, "CreateEventW");
  try {
    if (!writeMessage(pipe, greetingOf(event))) return undefined;
    const message = await until(() => readMessage(pipe, room), patience);
    if (message === ENDED) return undefined;
    if (message.length < OFFER_BYTE_LENGTH || room.view.getUint32(0, true) !== MAGIC) {
      return { message, object: undefined };
    }
    if (!isSignaled(event)) return undefined; // it is not to be had any more, or never was
    const object = takenOver(room.view.getInt32(4, true), room.view.getUint32(8, true));
    return { message: message.slice(OFFER_BYTE_LENGTH), object };
  } finally {
    close(event);
  }
}

function greetingOf(event: number): Uint8Array<ArrayBuffer> {
  const { bytes, view } = newStruct(GREETING_BYTE_LENGTH);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, event, true);
  return bytes;
}

/** A handle that the sender has put into this process. */
function takenOver(handle: number, access: number): OpenObject {
  if (access === 0) return handle as OpenObject;
  return adoptSection(handle as OpenObject, access === accessTo(true));
}
