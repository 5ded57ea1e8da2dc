/** Sockets and the pipes of child processes. */

import { type Consumer, type Given, MIB, type Ready } from "./consumer.ts";
import { FED_LENGTH, tlsFile } from "./peers.ts";

const hostname = "127.0.0.1";

/** Writes a chunk to a stream and ends it. */
export async function writeTo(
  writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>,
  written: Promise<void>,
): Promise<void> {
  try {
    await written;
    await writer.close();
  } catch (error) {
    await writer.abort().catch(() => {});
    throw error;
  }
}

/** The writable side of a connection. */
function writable(connection: Deno.Conn): Ready {
  const writer = connection.writable.getWriter();
  return {
    use: (bytes) => writeTo(writer, writer.write(bytes)),
    end: () => closeQuietly(connection),
  };
}

/** Streams close what they came from. */
export function closeQuietly(closable: { close(): void }): void {
  try {
    closable.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

const FILLER = new Uint8Array(MIB).fill(9);

/** Fills what lies between a connection and its peer, so that the next write has to wait. */
async function fill(connection: Deno.Conn): Promise<void> {
  for (let waiting = false; !waiting;) {
    waiting = true;
    const over = connection.write(FILLER).then(() => waiting = false, () => {});
    for (let i = 0; i < 3 && waiting; i++) await new Promise((resolve) => setTimeout(resolve));
    over.catch(() => {});
  }
}

async function tcpWrite({ place }: Given): Promise<Ready> {
  const connection = await Deno.connect({ hostname, port: Number(place) });
  await fill(connection);
  return {
    use: (bytes) => connection.write(bytes).finally(() => connection.close()),
  };
}

async function tlsWritable({ place }: Given): Promise<Ready> {
  const caCerts = [tlsFile("root.pem")];
  return writable(
    await Deno.connectTls({ hostname: "localhost", port: Number(place), caCerts }),
  );
}

async function tcpRead({ place }: Given): Promise<Ready> {
  const connection = await Deno.connect({ hostname, port: Number(place) });
  return { use: (bytes) => connection.read(bytes), end: () => connection.close() };
}

function udpReceive(): Ready {
  const socket = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  return {
    use: (bytes) => socket.receive(bytes).then(([got]) => got.byteLength),
    place: `${(socket.addr as Deno.NetAddr).port}`,
    end: () => socket.close(),
  };
}

/** Sends a datagram to itself, and counts what comes. */
function udpSend(): Ready {
  const socket = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  return {
    use: (bytes) =>
      socket.send(bytes, socket.addr)
        .then((sent) => sent === 0 ? new Uint8Array() : socket.receive().then(([got]) => got)),
    end: () => socket.close(),
  };
}

/** A child that copies its input to the peer's pipe. */
function childInput({ place }: Given): Ready {
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec cat > "$0"', place],
    stdin: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  return {
    use: (bytes) => writeTo(writer, writer.write(bytes)),
    end: () => child.status,
    giveUp: () => child.kill(),
  };
}

export const SOCKETS: readonly Consumer[] = [
  {
    name: "`Deno.Conn.write()`",
    byteLength: 8 * MIB,
    peer: "tcp",
    begun: "turn",
    partial: true,
    prepare: tcpWrite,
  },
  {
    name: "`Deno.Conn.writable`, TCP",
    byteLength: 8 * MIB,
    peer: "tcp",
    begun: "peer",
    prepare: async ({ place }) => writable(await Deno.connect({ hostname, port: Number(place) })),
  },
  {
    name: "`Deno.Conn.writable`, Unix socket",
    byteLength: 2 * MIB,
    peer: "unix",
    begun: "peer",
    prepare: async ({ place }) => writable(await Deno.connect({ transport: "unix", path: place })),
  },
  {
    name: "`Deno.TlsConn.writable`",
    byteLength: 8 * MIB,
    peer: "tls",
    begun: "peer",
    prepare: tlsWritable,
  },
  {
    name: "`Deno.Conn.read()`",
    byteLength: 2 * MIB,
    peer: "tcpFeeder",
    fills: FED_LENGTH,
    begun: "turn",
    prepare: tcpRead,
  },
  {
    name: "`Deno.DatagramConn.receive()`",
    byteLength: 2 * MIB,
    peer: "udpFeeder",
    fills: FED_LENGTH,
    begun: "turn",
    prepare: udpReceive,
  },
  {
    name: "`Deno.DatagramConn.send()`",
    byteLength: 60_000,
    begun: "turn",
    prepare: udpSend,
  },
  {
    name: "`stdin` of a `Deno.ChildProcess`",
    byteLength: 2 * MIB,
    peer: "fifo",
    begun: "peer",
    prepare: childInput,
  },
];
