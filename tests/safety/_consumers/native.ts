/** Machine code: WebAssembly, and FFI on other threads. */

import { type Consumer, MIB, type Ready, simple } from "./consumer.ts";
import { noCounts, OTHERS, OWN } from "./counts.ts";
import { FED_LENGTH } from "./peers.ts";

/** A WebAssembly module that is nearly all a section of its own name. */
function wasmOf(byteLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength).fill(OWN);
  bytes.set([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0]);
  const size = byteLength - 14;
  for (let i = 0; i < 5; i++) bytes[9 + i] = ((size >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0);
  bytes.set([1, 0x78], 14); // the name "x"
  return bytes;
}

function sectionOf(module: WebAssembly.Module): Uint8Array<ArrayBuffer> {
  return new Uint8Array(WebAssembly.Module.customSections(module, "x")[0]!);
}

const libc = {
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  strspn: { parameters: ["buffer", "buffer"], result: "usize", nonblocking: true },
  memchr: { parameters: ["buffer", "i32", "usize"], result: "pointer", nonblocking: true },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

function load(): Deno.DynamicLibrary<typeof libc> {
  return Deno.dlopen("libc.so.6", libc);
}

const [O_RDONLY, O_WRONLY] = [0, 1];

async function pipe(place: string, call: "read" | "write"): Promise<Ready> {
  const library = load();
  const flags = call === "read" ? O_RDONLY : O_WRONLY;
  // The other end is there, and opening does not wait any more, when this has opened it.
  const file = await Deno.open(place, { read: call === "read", write: call === "write" });
  const fd = library.symbols.open(new TextEncoder().encode(`${place}\0`), flags);
  file.close();
  return {
    use: (bytes) =>
      library.symbols[call](fd, bytes, BigInt(bytes.byteLength)).then(Number)
        .finally(() => library.symbols.close(fd)),
    end: () => library.close(),
  };
}

/** Walks over the bytes as long as they are the region's, and looks for those of others. */
function walk(): Ready {
  const library = load();
  const { strspn, memchr } = library.symbols;
  const own = new Uint8Array([OWN, 0]);
  return {
    use: (bytes) => {
      const { byteLength } = bytes;
      if (byteLength === 0) return Promise.resolve(noCounts()); // it has no address
      return Promise.all([strspn(bytes, own), memchr(bytes, OTHERS, BigInt(byteLength))])
        .then(([walked, others]) => ({
          ...noCounts(),
          own: Number(walked) + END,
          zeros: byteLength - Number(walked) - END,
          others: others === null ? 0 : 1,
        }));
    },
    end: () => library.close(),
  };
}

/** How many bytes end a walk. */
const END = 1;

function walkable(byteLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength).fill(OWN);
  bytes[byteLength - END] = 0;
  return bytes;
}

const module = { byteLength: 4 * MIB, begun: "thread", content: wasmOf } as const;

export const NATIVE: readonly Consumer[] = [
  {
    name: "`WebAssembly.compile()`",
    ...module,
    prepare: simple((bytes) => WebAssembly.compile(bytes).then(sectionOf)),
  },
  {
    name: "`WebAssembly.compileStreaming()`",
    ...module,
    prepare: simple((bytes) => {
      const headers = { "content-type": "application/wasm" };
      return WebAssembly.compileStreaming(new Response(bytes, { headers })).then(sectionOf);
    }),
  },
  {
    name: '"buffer" of a nonblocking FFI call that reads',
    byteLength: 16 * MIB,
    content: walkable,
    begun: "thread",
    prepare: walk,
  },
  {
    name: '"buffer" of `write()` by nonblocking FFI',
    byteLength: 2 * MIB,
    peer: "fifo",
    begun: "peer",
    prepare: ({ place }) => pipe(place, "write"),
  },
  {
    name: '"buffer" of `read()` by nonblocking FFI',
    byteLength: 2 * MIB,
    peer: "fifoFeeder",
    fills: FED_LENGTH,
    begun: "thread",
    prepare: ({ place }) => pipe(place, "read"),
  },
];
