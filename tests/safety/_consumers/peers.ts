/** Those at the other end: they take the first bytes, and the rest only when they are told to. */

import { join } from "@std/path";
import { makeFifo } from "../../_fifo.ts";
import { type Counts, FED, noCounts } from "./counts.ts";
import {
  httpClient,
  httpServer,
  type Protocol,
  raw,
  webSocketClient,
  webSocketServer,
} from "./protocols.ts";

/** What is at the other end. */
export interface Peer {
  /** Where the consumer finds it: a port or a path; "" if it is the peer that comes. */
  readonly place: string;
  /** It has got first bytes of a body, or the end of what it reads. */
  readonly begun: Promise<void>;
  /** What it got in all. */
  readonly got: Promise<Counts>;
  /** Tells it where the consumer is. */
  connect(place: string): void;
  /** Lets it take, or give, the rest. */
  go(): void;
  /** Resolves when nothing has come for so many turns of the event loop. */
  quiet(turns: number): Promise<void>;
  /** Has it leave. */
  leave(): void;
}

export type PeerKind = keyof typeof KINDS;

interface Stream {
  read(target: Uint8Array<ArrayBuffer>): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** What a sink does when it is told to go on, and how it is told where to go. */
class Sink implements Peer {
  readonly place: string;
  readonly begun: Promise<void>;
  readonly got: Promise<Counts>;
  readonly connect: (place: string) => void;
  readonly go: () => void;
  readonly leave: () => void;
  /** How often something came. */
  #times = 0;

  constructor(place: string, protocol: Protocol, open: (place: string) => Promise<Stream>) {
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const called = Promise.withResolvers<string>();
    const left = Promise.withResolvers<null>();
    if (place !== "") called.resolve(place);
    this.place = place;
    this.begun = begun.promise;
    this.connect = called.resolve;
    this.go = gate.resolve;
    this.leave = () => left.resolve(null);
    this.got = called.promise.then(open).then(async (stream) => {
      const read: Stream["read"] = (target) => {
        this.#times++;
        return Promise.race([stream.read(target), left.promise]);
      };
      try {
        return await drain(
          { read, write: (bytes) => stream.write(bytes) },
          protocol,
          begun.resolve,
          gate.promise,
        );
      } finally {
        begun.resolve();
        stream.close();
      }
    });
  }

  async quiet(turns: number): Promise<void> {
    for (let times = -1, turn = 0; turn < turns; turn++) {
      if (times !== this.#times) turn = 0;
      times = this.#times;
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

async function drain(
  stream: Pick<Stream, "read" | "write">,
  protocol: Protocol,
  begin: () => void,
  gate: Promise<void>,
): Promise<Counts> {
  const counts = noCounts();
  const buffer = new Uint8Array(1 << 16);
  if (protocol.greeting !== undefined) await writeAll(stream, protocol.greeting);
  for (;;) {
    const count = await stream.read(buffer).catch(() => null); // reset by the consumer's end
    if (count === null) return counts;
    const { reply, over } = protocol.take(buffer.subarray(0, count), counts);
    if (reply !== undefined) await writeAll(stream, reply).catch(() => {});
    if (Object.values(counts).some((count) => count > 0)) {
      begin();
      await gate;
    }
    if (over === true) return counts;
  }
}

async function writeAll(stream: Pick<Stream, "write">, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += await stream.write(bytes.subarray(done));
}

type Listener = Deno.Listener | Deno.TlsListener | Deno.UnixListener;

/** One that waits for a connection. */
function listening(listener: Listener, place: string, protocol: Protocol): Peer {
  return new Sink(place, protocol, async () => {
    const connection = await listener.accept();
    listener.close();
    return connection;
  });
}

function onPort(protocol: Protocol): Peer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listening(listener, `${listener.addr.port}`, protocol);
}

function tls(): Peer {
  const [cert, key] = [tlsFile("localhost.pem"), tlsFile("localhost.key")];
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  return listening(listener, `${(listener.addr as Deno.NetAddr).port}`, raw());
}

/** Of a certificate for "localhost", its key, and the authority behind it. */
export function tlsFile(name: string): string {
  return Deno.readTextFileSync(new URL(`./tls/${name}`, import.meta.url));
}

function unix(dir: string): Peer {
  const path = join(dir, "socket");
  return listening(Deno.listen({ transport: "unix", path }), path, raw());
}

/** One that comes to the consumer's own port. */
function calling(protocol: Protocol): Peer {
  return new Sink("", protocol, (port) => {
    return Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  });
}

function fifo(dir: string): Peer {
  const path = join(dir, "fifo");
  makeFifo(path);
  return new Sink(path, raw(), (path) => Deno.open(path));
}

/** How many bytes the feeders give. */
export const FED_LENGTH = 1000;

/** One that gives instead of taking, once it may. */
function feeding(place: string, feed: (bytes: Uint8Array, place: string) => Promise<void>): Peer {
  const gate = Promise.withResolvers<void>();
  let told = place;
  return {
    place,
    begun: Promise.resolve(),
    got: gate.promise.then(() => feed(new Uint8Array(FED_LENGTH).fill(FED), told)).then(noCounts),
    connect: (place) => told = place,
    go: gate.resolve,
    quiet: () => new Promise(() => {}), // whoever reads from it is not let down
    leave(): void {},
  };
}

function fifoFeeder(dir: string): Peer {
  const path = join(dir, "fifo");
  makeFifo(path);
  // For both, so that neither end has to wait for the other one.
  const file = Deno.openSync(path, { read: true, write: true });
  return feeding(path, async (bytes) => {
    await file.write(bytes);
    file.close();
  });
}

function tcpFeeder(): Peer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connection = listener.accept();
  return feeding(`${listener.addr.port}`, async (bytes) => {
    const stream = await connection;
    listener.close();
    await stream.write(bytes).catch(() => {}); // whoever was to read has been terminated
    stream.close();
  });
}

function udpFeeder(): Peer {
  return feeding("", async (bytes, place) => {
    const socket = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
    await socket.send(bytes, { transport: "udp", hostname: "127.0.0.1", port: Number(place) });
    socket.close();
  });
}

/** The kinds of peers: each makes one, of a directory of its own. */
const KINDS = {
  tcp: () => onPort(raw()),
  tls,
  unix,
  fifo,
  httpServer: () => onPort(httpServer()),
  httpClient: () => calling(httpClient()),
  webSocketServer: () => onPort(webSocketServer()),
  webSocketClient: () => calling(webSocketClient()),
  fifoFeeder,
  tcpFeeder,
  udpFeeder,
} as const;

export function makePeer(kind: PeerKind, dir: string): Peer {
  return KINDS[kind](dir);
}
