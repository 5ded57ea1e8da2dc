/** Local sockets as Darwin has them. */

import { assertEquals } from "@std/assert";
import {
  addressOf,
  type Calls,
  O_RDONLY,
  testRules,
  text,
  withFile,
  withObject,
} from "./_calls.ts";

const [AF_UNIX, SOCK_STREAM] = [1, 1];
const NOSIGNAL = 0x80000;
const CTRUNC = 0x20;

/** struct sockaddr_un: u8 length, u8 family, the path */
function addressOfPath(path: string): Uint8Array<ArrayBuffer> {
  const bytes = text(path);
  return Uint8Array.from([2 + bytes.length, AF_UNIX, ...bytes]);
}

/** A struct msghdr with one byte of payload, and room for control messages. */
class Message {
  readonly fields = new DataView(new ArrayBuffer(48));
  readonly bytes = new Uint8Array(this.fields.buffer);
  readonly control: DataView<ArrayBuffer>;
  /** What the addresses in the other ones lead to. */
  readonly held: Uint8Array<ArrayBuffer>[];

  constructor(controlByteLength: number) {
    this.control = new DataView(new ArrayBuffer(controlByteLength));
    const payload = Uint8Array.of(7);
    const piece = new BigUint64Array([addressOf(payload), 1n]);
    const [pieces, control] = [piece, this.control].map(({ buffer }) => new Uint8Array(buffer));
    this.held = [payload, pieces!, control!];
    this.fields.setBigUint64(16, addressOf(pieces!), true);
    this.fields.setInt32(24, 1, true);
    if (controlByteLength === 0) return;
    this.fields.setBigUint64(32, addressOf(control!), true);
    this.fields.setUint32(40, controlByteLength, true);
  }

  /** A struct cmsghdr that says SCM_RIGHTS, and descriptors. */
  static with(fds: number[]): Message {
    const message = new Message(12 + 4 * fds.length);
    [12 + 4 * fds.length, 0xffff, 1, ...fds]
      .forEach((value, i) => message.control.setInt32(4 * i, value, true));
    return message;
  }
}

/** Runs `act` with two ends that are connected. */
function withSockets<T>(c: Calls, act: (one: number, other: number) => T): T {
  const dir = Deno.makeTempDirSync();
  const address = addressOfPath(`${dir}/socket`);
  const [listener, one] = [0, 0].map(() => c.socket(AF_UNIX, SOCK_STREAM, 0));
  assertEquals(c.said(c.bind(listener!, address, address.length)), 0);
  c.listen(listener!, 1);
  assertEquals(c.said(c.connect(one!, address, address.length)), 0);
  const other = c.accept(listener!, null, null);
  try {
    return act(one!, other);
  } finally {
    for (const fd of [listener!, one!, other]) c.close(fd);
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Sends the descriptors of a shared memory object. @returns what came, in room for `room` of them */
function sent(
  c: Calls,
  count: number,
  room: number,
): { result: number; flags: number; words: number[] } {
  return withObject(c, (fd) =>
    withSockets(c, (one, other) => {
      assertEquals(c.said(c.sendmsg(one, Message.with(Array(count).fill(fd)).bytes, NOSIGNAL)), 1);
      const message = new Message(12 + 4 * room);
      const result = Number(c.recvmsg(other, message.bytes, 0));
      const length = message.fields.getUint32(40, true);
      const words = Array.from({ length: length / 4 }, (_, i) =>
        message.control.getInt32(4 * i, true));
      for (const received of words.slice(3)) {
        words.push(c.fcntl(received, 1, 0n), Number(c.said(c.fsync(received)) === "E45"));
        c.close(received);
      }
      return {
        result,
        flags: message.fields.getInt32(44, true),
        words: words.map((w, i) =>
          i === 3 ? 0 : w
        ),
      };
    }));
}

testRules("the twin's sockets are Darwin's", [
  [
    "socket() with Linux's SOCK_CLOEXEC and SOCK_NONBLOCK",
    (c) => [0x80001, 0x801].map((type) => c.said(c.socket(AF_UNIX, type, 0))),
    ["E22", "E22"],
  ],
  [
    "bind() of Linux's address, and of a path of more than 104 bytes",
    (c) => {
      const fd = c.socket(AF_UNIX, SOCK_STREAM, 0);
      const linux = Uint8Array.from([1, 0, ...text("/tmp/no")]);
      const long = addressOfPath("/".padEnd(105, "x"));
      const answers = [linux, long].map((address) => c.said(c.bind(fd, address, address.length)));
      c.close(fd);
      return answers;
    },
    ["E47", "E22"],
  ],
  [
    "bind() of no socket, and sendmsg() of no message",
    (c) => [c.said(c.bind(-1, text(""), 1)), c.said(c.sendmsg(-1, new Uint8Array(48), 0))],
    ["E9", "E40"],
  ],
  [
    "open() of a socket",
    (c) =>
      withFile(c, 0, (_, path) => {
        using _socket = Deno.listen({ transport: "unix", path: `${path}.socket` });
        const answer = c.said(c.open(text(`${path}.socket`), O_RDONLY, 0));
        Deno.removeSync(`${path}.socket`);
        return answer;
      }),
    "E102",
  ],
  [
    "a descriptor goes in a control message of 16 bytes, and is not close-on-exec",
    (c) => sent(c, 1, 1),
    { result: 1, flags: 0, words: [16, 0xffff, 1, 0, 0, 1] },
  ],
  [
    "MSG_CTRUNC tells of descriptors for which there was no room",
    (c) => sent(c, 2, 1),
    { result: 1, flags: CTRUNC, words: [16, 0xffff, 1, 0, 0, 1] },
  ],
  [
    "sendmsg() of Linux's control message, and with Linux's MSG_NOSIGNAL",
    (c) =>
      withSockets(c, (one) => {
        const message = new Message(24);
        [20, 0, 1, 1, 0, 0].forEach((value, i) => message.control.setInt32(4 * i, value, true));
        return [
          c.said(c.sendmsg(one, message.bytes, NOSIGNAL)),
          c.said(c.sendmsg(one, new Message(0).bytes, 0x4000)),
        ];
      }),
    ["E22", "E22"],
  ],
  [
    "recvmsg() with Linux's MSG_CMSG_CLOEXEC",
    (c) =>
      withSockets(c, (_, other) => c.said(c.recvmsg(other, new Message(16).bytes, 0x40000000))),
    "E22",
  ],
]);
