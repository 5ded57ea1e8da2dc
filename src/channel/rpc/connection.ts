/**
 * The two channels between a server and one client, in memory that the client makes: the channel of
 * its requests, and behind it, of the same length, the channel of the answers.
 */

import { formatHandle, parseHandle } from "../../object/handle.ts";
import { MmapRegion } from "../../region/mmap_region.ts";
import { Channel } from "../channel.ts";
import { HEADER_BYTE_LENGTH, LARGEST_CAPACITY, LEAST_CAPACITY } from "../layout.ts";
import {
  type Frame,
  HELLO,
  readFrame,
  RPC_VERSION,
  sendFirst,
  WELCOME,
  wordsOf,
} from "./frames.ts";

/** One side of a connection. Disposing it leaves both channels and gives the memory back. */
export interface Connection extends Disposable {
  /** From the client to the server. */
  readonly requests: Channel;
  /** From the server to the client. */
  readonly answers: Channel;
  /** The other side's process, as far as this one knows. */
  readonly pid: number;
}

/** What a client makes, and the text that leads the server to it. */
interface Offered {
  readonly connection: Connection;
  readonly text: string;
}

/** Makes a connection, as the client. @param pid the server's process */
export function makeConnection(ringCapacity: number, pid: number): Offered {
  const halfByteLength = HEADER_BYTE_LENGTH + ringCapacity;
  const region = MmapRegion.anonymous(2 * halfByteLength, { label: "mmap connection" });
  const connection = open(region, halfByteLength, pid);
  try {
    // Both before the server can see it: from now on it notices if this client dies.
    sendFirst(connection.requests, HELLO, [RPC_VERSION]);
    connection.answers.tryReceive();
    return { connection, text: formatHandle(region.handle()) };
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

/**
 * Opens what a client offers, as the server.
 *
 * @param text the handle; it may be anything
 * @param concurrency how many calls the client may have at a time
 * @throws if it is no connection of a client that lives
 */
export function acceptConnection(text: string, concurrency: number): Connection {
  const handle = parseHandle(text);
  const halfByteLength = handle.byteLength / 2;
  const ringCapacity = halfByteLength - HEADER_BYTE_LENGTH;
  const isPowerOfTwo = (ringCapacity & (ringCapacity - 1)) === 0;
  // Nothing that has a path: a client must not choose which file this process opens.
  if (
    handle.kind !== "anonymous" || !isPowerOfTwo || ringCapacity < LEAST_CAPACITY ||
    ringCapacity > LARGEST_CAPACITY
  ) throw unusable("its memory is none of a client");
  const connection = open(MmapRegion.attach(handle), halfByteLength, handle.pid);
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
  if (version !== RPC_VERSION) throw unusable(`it speaks version ${version}`);
}

function unusable(state: string): Error {
  return new Deno.errors.InvalidData(`Cannot accept client: ${state}`);
}

/** Closes the region if that fails. */
function open(region: MmapRegion, halfByteLength: number, pid: number): Connection {
  const close = (): void => {
    requests?.close();
    answers?.close();
    region.close();
  };
  let requests: Channel | undefined;
  let answers: Channel | undefined;
  try {
    // Pooled: `readFrame` copies what goes to the program.
    const shape = { capacity: halfByteLength - HEADER_BYTE_LENGTH, pooled: true };
    requests = Channel.over(region, 0, shape);
    answers = Channel.over(region, halfByteLength, shape);
    return { requests, answers, pid, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}
