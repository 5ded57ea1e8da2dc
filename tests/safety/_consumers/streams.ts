/** Streams of the web, blobs and compression. */

import zlib from "node:zlib";
import { type Consumer, MIB, type Ready, simple } from "./consumer.ts";
import { called, digestOf } from "./crypto.ts";
import { streamOf } from "./http.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** All that a stream gives. */
function all(stream: ReadableStream<Bytes>): Promise<Bytes> {
  return new Response(stream).bytes() as Promise<Bytes>;
}

/** Writes into one end, and gives what comes out of the other one. */
function through(
  { readable, writable }: { readable: ReadableStream; writable: WritableStream },
  bytes: Bytes,
): Promise<unknown> {
  const writer = writable.getWriter();
  const written = Promise.all([writer.write(bytes), writer.close()]);
  return Promise.all([all(readable), written]).then(([out]) => digestOf(out));
}

/** What the decoder makes of the region's bytes. */
const ONES = String.fromCharCode(1).repeat(4 * MIB);

async function decoded(bytes: Bytes): Promise<string> {
  let length = 0;
  let own = true;
  const stream = streamOf(bytes).pipeThrough(new TextDecoderStream());
  for await (const text of stream) {
    length += text.length;
    own &&= text === ONES.slice(0, text.length);
  }
  return `${length} ${own}`;
}

/** A byte stream that fills what it is asked for when it is told to. */
function byob(): Ready {
  const reader = new ReadableStream({
    type: "bytes",
    async pull(controller): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve));
      const { byobRequest } = controller as ReadableByteStreamController;
      new Uint8Array(byobRequest!.view!.buffer).fill(2, 0, 1000);
      byobRequest!.respond(1000);
    },
  }).getReader({ mode: "byob" });
  return {
    use: (bytes) => reader.read(bytes).then(({ value }) => value!.byteLength),
    end: () => reader.cancel(),
  };
}

const copied = { byteLength: 4 * MIB, begun: "turn" } as const;
const computes = { byteLength: 4 * MIB, begun: "thread" } as const;
const { BROTLI_PARAM_QUALITY } = zlib.constants;

export const STREAMS: readonly Consumer[] = [
  {
    name: "`new Response(bytes)`, its body read later",
    ...copied,
    prepare: simple((bytes) => {
      const response = new Response(bytes);
      return later(() => response.bytes());
    }),
  },
  {
    name: "`new Blob([bytes])`",
    ...copied,
    prepare: simple((bytes) => {
      const blob = new Blob([bytes]);
      return later(() => blob.bytes());
    }),
  },
  {
    name: "`new File([bytes])`, its stream",
    ...copied,
    prepare: simple((bytes) => {
      const file = new File([bytes], "name");
      return later(() => all(file.stream()));
    }),
  },
  {
    name: "a chunk that waits in a `ReadableStream`",
    ...copied,
    prepare: simple((bytes) => {
      const stream = streamOf(bytes);
      return later(() => all(stream));
    }),
  },
  {
    name: "`reader.read(bytes)` of a byte stream",
    ...copied,
    fills: 1000,
    transfers: true,
    prepare: byob,
  },
  {
    name: "`CompressionStream`",
    ...copied,
    prepare: simple((bytes) => through(new CompressionStream("gzip"), bytes)),
  },
  { name: "`TextDecoderStream`", ...copied, prepare: simple(decoded) },
  {
    name: "`node:zlib`, `gzip()`",
    ...computes,
    prepare: simple((bytes) => called((done) => zlib.gzip(bytes, done))),
  },
  {
    name: "`node:zlib`, `brotliCompress()`",
    ...computes,
    prepare: simple((bytes) => {
      const params = { [BROTLI_PARAM_QUALITY]: 2 };
      return called((done) => zlib.brotliCompress(bytes, { params }, done));
    }),
  },
];

/** In another turn of the event loop. */
async function later<T>(call: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve));
  return await call();
}
