/** Files and named pipes, by Deno and by node:fs. */

import fs from "node:fs";
import fsPromises from "node:fs/promises";
import { join } from "@std/path";
import { type Consumer, type Given, MIB, type Ready } from "./consumer.ts";
import { FED } from "./counts.ts";
import { FED_LENGTH } from "./peers.ts";
import { closeQuietly, writeTo } from "./sockets.ts";

const RESULT = "result.bin";

/** What a file holds once it was written. */
function readBack(dir: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(join(dir, RESULT));
}

/** A file of bytes to be read into the region. */
function makeSource({ dir, byteLength }: Given): string {
  const path = join(dir, "source.bin");
  Deno.writeFileSync(path, new Uint8Array(byteLength).fill(FED));
  return path;
}

async function writeFile({ dir }: Given): Promise<Ready> {
  const file = await Deno.open(join(dir, RESULT), { write: true, create: true });
  return {
    use: (bytes) => file.write(bytes).then(() => readBack(dir)),
    end: () => file.close(),
  };
}

/** A file that is written to the peer's pipe. */
async function writePipe({ place }: Given): Promise<Ready> {
  const file = await Deno.open(place, { write: true });
  return { use: (bytes) => file.write(bytes).finally(() => file.close()) };
}

async function writePipeStream({ place }: Given): Promise<Ready> {
  const file = await Deno.open(place, { write: true });
  const writer = file.writable.getWriter();
  return {
    use: (bytes) => writeTo(writer, writer.write(bytes)),
    end: () => closeQuietly(file),
  };
}

async function read(path: string): Promise<Ready> {
  const file = await Deno.open(path);
  return { use: (bytes) => file.read(bytes), end: () => file.close() };
}

/** A call of node:fs with a callback. */
function called<T>(call: (done: (error: unknown, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => error ? reject(error) : resolve(result));
  });
}

function nodeWrite({ dir }: Given): Ready {
  const fd = fs.openSync(join(dir, RESULT), "w");
  return {
    use: (bytes) => called<number>((done) => fs.write(fd, bytes, done)).then(() => readBack(dir)),
    end: () => fs.closeSync(fd),
  };
}

function nodeRead(path: string): Ready {
  const fd = fs.openSync(path, "r+");
  return {
    use: (bytes) => called<number>((done) => fs.read(fd, bytes, 0, bytes.byteLength, null, done)),
    end: () => fs.closeSync(fd),
  };
}

async function nodeStream({ dir }: Given): Promise<Ready> {
  const stream = fs.createWriteStream(join(dir, RESULT));
  await new Promise((resolve) => stream.once("open", resolve));
  return {
    use: (bytes) => {
      const over = new Promise<void>((resolve, reject) => {
        stream.once("error", reject);
        stream.once("close", resolve);
      });
      stream.end(bytes);
      return over.then(() => readBack(dir));
    },
  };
}

export const FILES: readonly Consumer[] = [
  {
    name: "`Deno.writeFile()`",
    byteLength: 8 * MIB,
    begun: "thread",
    prepare: ({ dir }) => ({
      use: (bytes) => Deno.writeFile(join(dir, RESULT), bytes).then(() => readBack(dir)),
    }),
  },
  {
    name: "`Deno.writeFile()` to a pipe",
    byteLength: 2 * MIB,
    peer: "fifo",
    begun: "peer",
    prepare: ({ place }) => ({ use: (bytes) => Deno.writeFile(place, bytes, { create: false }) }),
  },
  { name: "`Deno.FsFile.write()`", byteLength: 8 * MIB, begun: "thread", prepare: writeFile },
  {
    name: "`Deno.FsFile.write()` to a pipe",
    byteLength: 2 * MIB,
    peer: "fifo",
    begun: "peer",
    prepare: writePipe,
  },
  {
    name: "`Deno.FsFile.writable` to a pipe",
    byteLength: 2 * MIB,
    peer: "fifo",
    begun: "peer",
    prepare: writePipeStream,
  },
  {
    name: "`Deno.FsFile.read()`",
    byteLength: 8 * MIB,
    fills: 8 * MIB,
    begun: "thread",
    prepare: (given) => read(makeSource(given)),
  },
  {
    name: "`Deno.FsFile.read()` from a pipe",
    byteLength: 2 * MIB,
    peer: "fifoFeeder",
    fills: FED_LENGTH,
    begun: "thread",
    prepare: ({ place }) => read(place),
  },
  {
    name: "`node:fs`, `writeFile()`",
    byteLength: 8 * MIB,
    begun: "thread",
    prepare: ({ dir }) => ({
      use: (bytes) => fsPromises.writeFile(join(dir, RESULT), bytes).then(() => readBack(dir)),
    }),
  },
  {
    name: "`node:fs`, `write()`",
    byteLength: 8 * MIB,
    begun: "thread",
    prepare: nodeWrite,
  },
  {
    name: "`node:fs`, `createWriteStream()`",
    byteLength: 8 * MIB,
    begun: "turn",
    prepare: nodeStream,
  },
  {
    name: "`node:fs`, `read()`",
    byteLength: 8 * MIB,
    fills: 8 * MIB,
    begun: "thread",
    prepare: (given) => nodeRead(makeSource(given)),
  },
  {
    name: "`node:fs`, `read()` from a pipe",
    byteLength: 2 * MIB,
    peer: "fifoFeeder",
    fills: FED_LENGTH,
    begun: "thread",
    prepare: ({ place }) => nodeRead(place),
  },
];
