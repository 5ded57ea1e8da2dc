/**
 * The two channels between a server and one client, in memory that the client creates: the channel
 * of requests, and after it, of the same length, the channel of answers. It is anonymous memory if
 * the server can open that; otherwise see `beside.ts`.
 */

import { formatHandle, parseHandle } from "../../object/handle.ts";
import { MmapRegion } from "../../region/mmap_region.ts";
import { Channel } from "../queue/channel.ts";
import { CHANNEL } from "../kinds.ts";
import { HEADER_BYTE_LENGTH, LARGEST_CAPACITY, LEAST_CAPACITY } from "../layout.ts";
import { closingOnError, findOver } from "../place.ts";
import { makeBeside, openBeside, readBeside, removeBeside } from "./beside.ts";
import {
  type Frame,
  HELLO,
  readFrame,
  RPC_VERSION,
  sendFirst,
  WELCOME,
  wordsOf,
} from "./frames.ts";

/** One side of a connection. Disposing it leaves both channels and closes the memory. */
export interface Connection extends Disposable {
  /** From the client to the server. */
  readonly requests: Channel;
  /** From the server to the client. */
  readonly answers: Channel;
  /** The other side's process, as the other side has stated it. */
  readonly pid: number;
}

/** A new connection, and the text that leads the server to it. */
interface Offered {
  readonly connection: Connection;
  readonly text: string;
}

/**
 * Makes a connection, as the client.
 *
 * @param pid the server's process
 * @param meetingPath the path beside which to create it; undefined: in anonymous memory
 */
export function makeConnection(
  ringCapacity: number,
  pid: number,
  meetingPath?: string,
): Offered {
  const halfByteLength = HEADER_BYTE_LENGTH + ringCapacity;
  const { region, text } = meetingPath === undefined
    ? makeAnonymous(2 * halfByteLength)
    : makeBeside(meetingPath, 2 * halfByteLength);
  // The server removes the name, unless it refuses.
  const last = (): void => meetingPath === undefined ? undefined : removeBeside(region);
  const connection = open(region, halfByteLength, pid, last);
  try {
    // Both are joined before the server can see them, so that it notices if this client dies.
    sendFirst(connection.requests, HELLO, [RPC_VERSION]);
    connection.answers.tryReceive();
    return { connection, text };
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

function makeAnonymous(byteLength: number): { region: MmapRegion; text: string } {
  const region = MmapRegion.anonymous(byteLength, { label: "mmap connection" });
  return closingOnError(region, () => ({ region, text: formatHandle(region.handle()) }));
}

/**
 * Opens what a client offers, as the server.
 *
 * @param text the handle, or the text of `beside.ts`; it is not trusted
 * @param concurrency how many calls the client may have at a time
 * @param meetingPath the path beside which the client may have created it
 * @throws if it is not a connection of a living client
 */
export function acceptConnection(
  text: string,
  concurrency: number,
  meetingPath?: string,
): Connection {
  const beside = meetingPath === undefined ? undefined : readBeside(text);
  if (beside === undefined) {
    const handle = parseHandle(text);
    // Only anonymous memory is accepted: a client must not choose which file this process opens.
    if (handle.kind !== "anonymous") throw unusable("no client makes such memory");
    checkLength(handle.byteLength);
    return welcome(MmapRegion.attach(handle), handle.pid, concurrency);
  }
  const region = openBeside(`${meetingPath}.${beside.ending}`);
  closingOnError(region, () => checkLength(region.byteLength));
  const connection = welcome(region, beside.pid, concurrency);
  removeBeside(region);
  return connection;
}

/** @throws {Deno.errors.InvalidData} If no connection can have that length. */
function checkLength(byteLength: number): void {
  const ringCapacity = byteLength / 2 - HEADER_BYTE_LENGTH;
  const isPowerOfTwo = (ringCapacity & (ringCapacity - 1)) === 0;
  if (isPowerOfTwo && ringCapacity >= LEAST_CAPACITY && ringCapacity <= LARGEST_CAPACITY) return;
  throw unusable("no client makes such memory");
}

/** Closes the region if that fails. */
function welcome(region: MmapRegion, pid: number, concurrency: number): Connection {
  const halfByteLength = region.byteLength / 2;
  closingOnError(region, () => {
    // Memory that is not a connection must stay unchanged, whoever owns it.
    const starts = [0, halfByteLength];
    if (starts.every((start) => findOver(region, start, CHANNEL) !== undefined)) return;
    throw unusable("its memory holds no channels");
  });
  const connection = open(region, halfByteLength, pid);
  try {
    checkHello(connection.requests.tryReceive());
    if (!sendFirst(connection.answers, WELCOME, [RPC_VERSION, concurrency])) {
      throw unusable("its memory is full already");
    }
    return connection;
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

function checkHello(message: Uint8Array<ArrayBuffer> | null): void {
  const frame: Frame | undefined = message === null ? undefined : readFrame(message);
  if (frame?.kind !== HELLO) throw unusable("it does not say hello");
  const [version] = wordsOf(frame);
  if (version !== RPC_VERSION) throw unusable(`it uses version ${version} of the messages`);
}

function unusable(state: string): Error {
  return new Deno.errors.InvalidData(`Cannot accept client: ${state}`);
}

/**
 * Opens both channels, and closes the region if that fails. @param last what to do before it is
 * closed
 */
function open(
  region: MmapRegion,
  halfByteLength: number,
  pid: number,
  last: () => void = () => {},
): Connection {
  const close = (): void => {
    last();
    requests?.close();
    answers?.close();
    region.close();
  };
  let requests: Channel | undefined;
  let answers: Channel | undefined;
  try {
    // Pooled, since `readFrame` copies what the program gets.
    const shape = { capacity: halfByteLength - HEADER_BYTE_LENGTH, pooled: true };
    requests = Channel.over(region, 0, shape);
    answers = Channel.over(region, halfByteLength, shape);
    return { requests, answers, pid, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}
