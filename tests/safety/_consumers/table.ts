/**
 * What each consumer gets of bytes that are taken away from it: the table of docs/lending.md. Bytes
 * that are only forgotten are true to the end, for all of them.
 */

import type { Seen, Time, Way } from "./cell.ts";
import type { Got } from "./got.ts";

/** What may be seen. */
export interface Row {
  /** The region is closed, or grown, in the turn that handed the bytes over. */
  readonly atOnce: readonly Got[];
  /** The same while the consumer is at work. */
  readonly atWork: readonly Got[];
  /** The region's file is shortened, by `resize` or by another process, at either time. */
  readonly cut: readonly Got[];
}

/** True bytes whatever happens: the call itself copies them. */
const COPIED: Row = { atOnce: ["all"], atWork: ["all"], cut: ["all"] };

/** A system call that reads them, or writes into them. */
const KERNEL: Row = { atOnce: ["all"], atWork: ["all"], cut: ["all", "less", "error"] };

/** Code of Deno's own that reads them. */
const READ: Row = { atOnce: ["all"], atWork: ["all"], cut: ["all", "zeros"] };

/** Code that looks at the bytes a second time, or later. */
const LATER: Row = { atOnce: ["nothing"], atWork: ["all"], cut: ["all", "zeros", "nothing"] };

/** The same where it says so. */
const LATER_ERROR: Row = { ...LATER, atOnce: ["error"], cut: ["all", "zeros", "error"] };

/** A bare pointer to what is left. */
const POINTER: Row = { atOnce: ["error"], atWork: ["error"], cut: ["error"] };

/** The buffer was given away, and the region's end is the end of what it holds. */
const GIVEN: Row = { atOnce: ["zeros"], atWork: ["zeros"], cut: ["zeros"] };

/** By the names of the consumers. */
export const TABLE: Readonly<Record<string, Row>> = {
  "`Deno.Conn.write()`": KERNEL,
  "`Deno.Conn.writable`, TCP": KERNEL,
  "`Deno.Conn.writable`, Unix socket": KERNEL,
  "`Deno.TlsConn.writable`": READ,
  "`Deno.Conn.read()`": KERNEL,
  "`Deno.DatagramConn.receive()`": { atOnce: ["error"], atWork: ["error"], cut: ["all", "error"] },
  "`Deno.DatagramConn.send()`": KERNEL,
  "`stdin` of a `Deno.ChildProcess`": KERNEL,
  "`fetch()`, bytes as the body": COPIED,
  "`fetch()`, a stream as the body": READ,
  "`Response` of `Deno.serve()`, bytes": COPIED,
  "`Response` of `Deno.serve()`, a stream": LATER,
  "`WebSocket.send()`": COPIED,
  "`send()` of `Deno.upgradeWebSocket()`": LATER_ERROR,
  "`node:net`, `write()`": POINTER,
  "`node:tls`, `write()`": COPIED,
  "`node:http`, a request": POINTER,
  "`node:http`, a response": POINTER,
  "`Deno.writeFile()`": KERNEL,
  "`Deno.writeFile()` to a pipe": KERNEL,
  "`Deno.FsFile.write()`": KERNEL,
  "`Deno.FsFile.write()` to a pipe": KERNEL,
  "`Deno.FsFile.writable` to a pipe": {
    atOnce: ["nothing"],
    atWork: ["all"],
    cut: ["all", "nothing", "error"],
  },
  "`Deno.FsFile.read()`": KERNEL,
  "`Deno.FsFile.read()` from a pipe": KERNEL,
  "`node:fs`, `writeFile()`": { ...LATER_ERROR, atWork: ["all", "error"] },
  "`node:fs`, `write()`": KERNEL,
  "`node:fs`, `createWriteStream()`": { ...LATER_ERROR, atWork: ["all", "error"] },
  "`node:fs`, `read()`": KERNEL,
  "`node:fs`, `read()` from a pipe": KERNEL,
  "`crypto.subtle.digest()`": COPIED,
  "`crypto.subtle.encrypt()`": COPIED,
  "`crypto.subtle.sign()`": COPIED,
  "`crypto.subtle.verify()`": COPIED,
  "`crypto.subtle.deriveBits()`, the salt": COPIED,
  "`crypto.subtle.importKey()`": COPIED,
  "`node:crypto`, `pbkdf2()`": READ,
  "`node:crypto`, `scrypt()`": READ,
  "`node:crypto`, `hkdf()`": COPIED,
  "`node:crypto`, `sign()`": COPIED,
  "`node:crypto`, a stream that hashes": COPIED,
  "`node:crypto`, a stream that ciphers": COPIED,
  "`node:crypto`, `randomFill()`": {
    atOnce: ["error"],
    atWork: ["error"],
    cut: ["all", "error"],
  },
  "`new Response(bytes)`, its body read later": COPIED,
  "`new Blob([bytes])`": COPIED,
  "`new File([bytes])`, its stream": COPIED,
  "a chunk that waits in a `ReadableStream`": LATER_ERROR,
  "`reader.read(bytes)` of a byte stream": COPIED,
  "`CompressionStream`": LATER,
  "`TextDecoderStream`": LATER,
  "`node:zlib`, `gzip()`": COPIED,
  "`node:zlib`, `brotliCompress()`": COPIED,
  "`structuredClone()`": COPIED,
  "`structuredClone()` that transfers": GIVEN,
  "`Worker.postMessage()` that transfers": GIVEN,
  "`MessagePort.postMessage()`": COPIED,
  "`BroadcastChannel.postMessage()`": COPIED,
  "`Worker.postMessage()`, a copy": COPIED,
  "`Cache.put()`": COPIED,
  "`WebAssembly.compile()`": COPIED,
  "`WebAssembly.compileStreaming()`": COPIED,
  '"buffer" of a nonblocking FFI call that reads': READ,
  '"buffer" of `write()` by nonblocking FFI': KERNEL,
  '"buffer" of `read()` by nonblocking FFI': KERNEL,
};

/** What is seen of one cell against its row. @returns what is wrong, or undefined */
export function wrongIn(
  row: Row,
  { way, time }: { way: Way; time: Time },
  { got, error = "no error", pending }: Seen,
): string | undefined {
  const allowed = allowedIn(row, way, time);
  const wasOver = got === "all" && !pending; // it was done before anything was taken from it
  if (allowed.includes(got) || wasOver) return undefined;
  return `it got "${got}" (${error}) instead of "${allowed.join('", "')}"`;
}

function allowedIn({ atOnce, atWork, cut }: Row, way: Way, time: Time): readonly Got[] {
  if (way === "forget") return ["all"];
  if (way === "shrink" || way === "truncate") return cut;
  return time === "at once" ? atOnce : atWork;
}

/** The words of the documentation. */
const WORDS: Readonly<Record<Got, string>> = {
  "all": "all of it",
  "nothing": "nothing",
  "zeros": "zeros",
  "less": "a part",
  "error": "an error",
  "other data": "never",
};

/** The row of the documentation. */
export function documented(name: string): string {
  const cells = [TABLE[name]!.atOnce, TABLE[name]!.atWork, TABLE[name]!.cut]
    .map((gots) => gots.map((got) => WORDS[got]).join(", or "));
  return [name, ...cells].join(" | ");
}
