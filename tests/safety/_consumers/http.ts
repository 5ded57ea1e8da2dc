/** HTTP and WebSockets, by Deno and by Node's modules. */

import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { type Consumer, type Given, MIB, type Ready } from "./consumer.ts";
import { tlsFile } from "./peers.ts";

const hostname = "127.0.0.1";
const anyPort = { hostname, port: 0, onListen(): void {} };

/** A stream of one chunk, which it keeps until somebody asks for it. */
export function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller): void {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

type Body = (bytes: Uint8Array<ArrayBuffer>) => BodyInit;

function post({ place }: Given, bodyOf: Body): Ready {
  // A client of its own: no connection is kept beyond it.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  return {
    use: (bytes) =>
      fetch(`http://${hostname}:${place}`, { method: "POST", body: bodyOf(bytes), client })
        .then((response) => response.text()).then(() => undefined),
    end: () => client.close(),
  };
}

/** A server that has one answer. */
function answer(bodyOf: Body): Ready {
  const asked = Promise.withResolvers<{ respond(response: Response): void; sent: Promise<void> }>();
  const server = Deno.serve(
    { ...anyPort, onError: () => new Response(null, { status: 500 }) },
    (_request, { completed }) =>
      new Promise((respond) => asked.resolve({ respond, sent: completed })),
  );
  return {
    use: (bytes) => respond(asked.promise, new Response(bodyOf(bytes))),
    place: `${server.addr.port}`,
    end: () => server.shutdown(),
  };
}

type Asked = Promise<{ respond(response: Response): void; sent: Promise<void> }>;

async function respond(asked: Asked, response: Response): Promise<void> {
  const { respond, sent } = await asked;
  respond(response);
  await sent;
}

/** Sends one message, and waits until the peer closes. */
function sendOver(socket: WebSocket): Ready["use"] {
  return (bytes) => {
    const over = new Promise<void>((resolve, reject) => {
      socket.onclose = () => resolve();
      socket.onerror = (event) => reject((event as ErrorEvent).error ?? new Error("error event"));
    });
    socket.send(bytes);
    return over;
  };
}

async function webSocket({ place }: Given): Promise<Ready> {
  const socket = new WebSocket(`ws://${hostname}:${place}`);
  await new Promise((resolve) => socket.onopen = resolve);
  return { use: sendOver(socket) };
}

/** The server waits for a client before it is given the bytes. */
function upgradedWebSocket(): Ready {
  const opened = Promise.withResolvers<WebSocket>();
  const server = Deno.serve(anyPort, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => opened.resolve(socket);
    return response;
  });
  return {
    use: (bytes) => sendWhenOpen(opened.promise, bytes),
    place: `${server.addr.port}`,
    end: () => server.shutdown(),
  };
}

async function sendWhenOpen(
  opened: Promise<WebSocket>,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<unknown> {
  const sent = { bytes: bytes as Uint8Array<ArrayBuffer> | undefined };
  const send = sendOver(await opened);
  const over = send(sent.bytes!);
  sent.bytes = undefined;
  return await over;
}

/** Resolves when the socket is closed, and rejects with its error. */
function ended(socket: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => resolve());
  });
}

/** Ends the connection once the write is over, so that a cut one is noticed at the other end. */
function writeAndEnd(socket: net.Socket): Ready["use"] {
  return (bytes) => {
    const over = ended(socket);
    socket.write(bytes, () => socket.end());
    return over;
  };
}

async function nodeNet({ place }: Given): Promise<Ready> {
  const socket = net.connect(Number(place), hostname);
  await new Promise((resolve) => socket.once("connect", resolve));
  return { use: writeAndEnd(socket) };
}

async function nodeTls({ place }: Given): Promise<Ready> {
  const ca = tlsFile("root.pem");
  const socket = tls.connect({ port: Number(place), host: "localhost", ca });
  await new Promise((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  return { use: writeAndEnd(socket) };
}

/** A request whose head is on its way already. */
async function nodeRequest({ place, byteLength }: Given): Promise<Ready> {
  const request = http.request({
    host: hostname,
    port: Number(place),
    method: "POST",
    agent: false,
    headers: { "content-length": byteLength },
  });
  request.flushHeaders();
  const socket = await new Promise<net.Socket>((resolve) => request.once("socket", resolve));
  if (socket.connecting) await new Promise((resolve) => socket.once("connect", resolve));
  return {
    use: (bytes) => {
      const over = new Promise<void>((resolve, reject) => {
        request.once("error", reject);
        request.once("close", resolve);
        request.once("response", (response) => response.resume());
      });
      request.write(bytes, () => socket.end());
      return over;
    },
  };
}

async function nodeServer({ byteLength }: Given): Promise<Ready> {
  const asked = Promise.withResolvers<http.ServerResponse>();
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { "content-length": byteLength });
    response.flushHeaders();
    asked.resolve(response);
  });
  await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  return {
    use: (bytes) => {
      const holder: { bytes: Uint8Array<ArrayBuffer> | undefined } = { bytes };
      return asked.promise.then((response) => {
        const socket = response.socket!;
        const over = ended(socket);
        response.write(holder.bytes!, () => socket.end());
        holder.bytes = undefined;
        return over;
      });
    },
    place: `${(server.address() as net.AddressInfo).port}`,
    end: () => {
      server.closeAllConnections(); // one that failed stays open
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

export const HTTP: readonly Consumer[] = [
  {
    name: "`fetch()`, bytes as the body",
    byteLength: 8 * MIB,
    peer: "httpServer",
    begun: "peer",
    prepare: (given) => post(given, (bytes) => bytes),
  },
  {
    name: "`fetch()`, a stream as the body",
    byteLength: 8 * MIB,
    peer: "httpServer",
    begun: "peer",
    prepare: (given) => post(given, streamOf),
  },
  {
    name: "`Response` of `Deno.serve()`, bytes",
    byteLength: 8 * MIB,
    peer: "httpClient",
    begun: "peer",
    prepare: () => answer((bytes) => bytes),
  },
  {
    name: "`Response` of `Deno.serve()`, a stream",
    byteLength: 8 * MIB,
    peer: "httpClient",
    begun: "peer",
    prepare: () => answer(streamOf),
  },
  {
    name: "`WebSocket.send()`",
    byteLength: 8 * MIB,
    peer: "webSocketServer",
    begun: "peer",
    prepare: webSocket,
  },
  {
    name: "`send()` of `Deno.upgradeWebSocket()`",
    byteLength: 8 * MIB,
    peer: "webSocketClient",
    begun: "peer",
    prepare: upgradedWebSocket,
  },
  {
    name: "`node:net`, `write()`",
    byteLength: 8 * MIB,
    peer: "tcp",
    begun: "peer",
    stalls: true,
    prepare: nodeNet,
  },
  {
    name: "`node:tls`, `write()`",
    byteLength: 8 * MIB,
    peer: "tls",
    begun: "peer",
    stalls: true,
    prepare: nodeTls,
  },
  {
    name: "`node:http`, a request",
    byteLength: 8 * MIB,
    peer: "httpServer",
    begun: "peer",
    stalls: true,
    prepare: nodeRequest,
  },
  {
    name: "`node:http`, a response",
    byteLength: 8 * MIB,
    peer: "httpClient",
    begun: "peer",
    stalls: true,
    prepare: nodeServer,
  },
];
