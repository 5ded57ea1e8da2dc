/** The other sides of pipes on Windows, as programs of any kind. */

import { newStruct } from "../ffi/windows/library.ts";
import { close } from "../src/os/windows/files.ts";
import {
  createPipe,
  ENDED,
  isConnected,
  openPipe,
  pipeNameOf,
  readMessage,
} from "../src/os/windows/pipes.ts";

/** Repeats a look until it finds something. */
export async function until<T>(look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + 60_000;
  while (true) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error("Nothing came of it");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The next message of whoever is at a pipe's other end; undefined once that is closed. */
export async function messageOf(pipe: number): Promise<DataView<ArrayBuffer> | undefined> {
  const room = newStruct(1024);
  const message = await until(() => readMessage(pipe, room));
  return message === ENDED ? undefined : new DataView(room.view.buffer, 0, message.length);
}

/** Makes a pipe, and calls `answer` once somebody has greeted. */
export async function withClient(
  path: string,
  answer: (pipe: number, greeting: DataView<ArrayBuffer> | undefined) => void | Promise<void>,
): Promise<void> {
  const pipe = await until(() => unlessInUse(() => createPipe(path, 65536)));
  try {
    await until(() => isConnected(pipe) || undefined);
    await answer(pipe, await messageOf(pipe));
  } finally {
    close(pipe);
  }
}

/** The last one's pipe stays until both ends are closed. */
function unlessInUse<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/** Opens a sender's pipe as soon as it is there. */
export async function withSender(
  path: string,
  body: (pipe: number) => void | Promise<void>,
): Promise<void> {
  const pipe = await until(() => openPipe(pipeNameOf(path)!));
  try {
    await body(pipe);
  } finally {
    close(pipe);
  }
}
