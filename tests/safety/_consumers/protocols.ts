/** What a peer makes of a stream of bytes: which of them are the region's, and when it is over. */

import { createHash } from "node:crypto";
import { addTo, type Counts } from "./counts.ts";

/** What a peer does next. */
export interface Step {
  readonly reply?: string;
  readonly over?: boolean;
}

/** One side of a protocol. */
export interface Protocol {
  /** What this side says first. */
  readonly greeting?: string;
  /** Counts what came. */
  take(bytes: Uint8Array, counts: Counts): Step;
}

/** Bytes, and nothing else. */
export function raw(): Protocol {
  return {
    take(bytes, counts): Step {
      addTo(counts, bytes);
      return {};
    },
  };
}

/** Cuts the head of a message off: calls `body` with what follows. */
class Head {
  text = "";
  done = false;

  /** What of `bytes` is behind the head. */
  take(bytes: Uint8Array): Uint8Array {
    if (this.done) return bytes;
    const before = this.text.length;
    this.text += latin.decode(bytes);
    const end = this.text.indexOf("\r\n\r\n");
    if (end === -1) return bytes.subarray(bytes.length);
    this.done = true;
    this.text = this.text.slice(0, end + 2);
    return bytes.subarray(end + 4 - before);
  }

  field(name: string): string | undefined {
    return new RegExp(`^${name}: *(.*)\r$`, "im").exec(this.text)?.[1];
  }
}

const latin = new TextDecoder("latin1");

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/** Is asked something by a client, and answers when it has all of the body. */
export function httpServer(): Protocol {
  const head = new Head();
  let length = 0;
  let tail = "";
  return {
    take(bytes, counts): Step {
      const body = head.take(bytes);
      if (!head.done) return {};
      addTo(counts, body);
      length += body.length;
      tail = (tail + latin.decode(body.subarray(-5))).slice(-5);
      const wanted = head.field("content-length");
      const over = wanted === undefined ? tail === "0\r\n\r\n" : length >= Number(wanted);
      return over ? { reply: OK, over } : {};
    },
  };
}

/** Asks a server, and reads until that closes. */
export function httpClient(): Protocol {
  const head = new Head();
  return {
    greeting: "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    take(bytes, counts): Step {
      addTo(counts, head.take(bytes));
      return {};
    },
  };
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

function upgrade(key: string): string {
  const proof = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
    `sec-websocket-accept: ${proof.digest("base64")}\r\n\r\n`;
}

/** Has a client connect, and takes one message from it. */
export function webSocketServer(): Protocol {
  const head = new Head();
  const frames = new Frames();
  return {
    take(bytes, counts): Step {
      const wasDone = head.done;
      const over = frames.take(head.take(bytes), counts);
      if (!wasDone && head.done) return { reply: upgrade(head.field("sec-websocket-key")!), over };
      return { over };
    },
  };
}

/** Connects to a server, and takes one message from it. */
export function webSocketClient(): Protocol {
  const head = new Head();
  const frames = new Frames();
  return {
    greeting: "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\n\r\n`,
    take: (bytes, counts): Step => ({ over: frames.take(head.take(bytes), counts) }),
  };
}

/** The frames of one WebSocket message: RFC 6455, section 5.2. */
class Frames {
  #header: number[] = [];
  #left = 0;
  #mask: number[] = [];
  #at = 0;
  #last = false;

  /** @returns whether the message is over, or the connection is to be closed */
  take(bytes: Uint8Array, counts: Counts): boolean {
    for (let done = 0; done < bytes.length;) {
      if (this.#left === 0) {
        this.#header.push(bytes[done++]!);
        if (!this.#begin()) continue;
      } else {
        const part = bytes.slice(done, done + this.#left);
        done += part.length;
        this.#left -= part.length;
        if (this.#mask.length > 0) { for (let i = 0; i < part.length; i++) this.#unmask(part, i); }
        addTo(counts, part);
      }
      if (this.#left === 0 && this.#last) return true;
    }
    return false;
  }

  #unmask(part: Uint8Array, i: number): void {
    part[i]! ^= this.#mask[this.#at]!;
    this.#at = (this.#at + 1) % 4;
  }

  /** Whether the header is whole. */
  #begin(): boolean {
    const header = this.#header;
    if (header.length < 2) return false;
    const short = header[1]! & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const masked = (header[1]! & 0x80) !== 0;
    if (header.length < 2 + lengthBytes + (masked ? 4 : 0)) return false;
    const long = header.slice(2, 2 + lengthBytes);
    this.#left = lengthBytes === 0 ? short : long.reduce((sum, byte) => sum * 256 + byte, 0);
    this.#mask = masked ? header.slice(-4) : [];
    this.#at = 0;
    // The end of a message, or a control frame: those close, here.
    this.#last = (header[0]! & 0x80) !== 0;
    this.#header = [];
    return true;
  }
}
