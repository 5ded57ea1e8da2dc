/** Unix sockets that pass descriptors (SCM_RIGHTS). Linux only. */

import { checkCount, checkZero, required } from "./call.ts";
import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_NOSIGNAL,
  SCM_RIGHTS,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "./constants.ts";
import { cString } from "./arguments.ts";
import { libc } from "./libc.ts";
import { addressOfBytes } from "./memory.ts";
import { platform } from "./platform.ts";

/** struct sockaddr_un: 0 u16 sun_family, 2 char sun_path[108]; the path's NUL is part of it. */
const SUN_PATH_BYTES = 108;

/** A socket that neither waits nor survives `exec`. */
export function unixSocket(): number {
  if (platform().os !== "linux") required(null, "socket");
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return checkCount(libc().socket(AF_UNIX, type, 0), "socket");
}

/** @throws {RangeError} If the path is too long for a socket. */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const bytes = cString(path, "path", "bind");
  if (bytes.length === 1 || bytes.length > SUN_PATH_BYTES) {
    throw new RangeError(
      `Cannot use socket as its path must have 1 to ${
        SUN_PATH_BYTES - 1
      } bytes: received "${path}"`,
    );
  }
  const address = new Uint8Array(2 + bytes.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, 2);
  return address;
}

/** @throws {Deno.errors.AddrInUse} EADDRINUSE: there is something at that path. */
export function bindAndListen(fd: number, address: Uint8Array<ArrayBuffer>, path: string): void {
  checkZero(libc().bind(fd, address, address.length), "bind", path);
  // Before `listen`, so that nobody else gets in meanwhile.
  checkZero(libc().chmod(cString(path, "path", "chmod"), 0o600), "chmod", path);
  checkZero(libc().listen(fd, 1), "listen", path);
}

/** @throws {Deno.errors.NotFound} ENOENT. @throws {Deno.errors.ConnectionRefused} ECONNREFUSED. */
export function connectTo(fd: number, address: Uint8Array<ArrayBuffer>, path: string): void {
  checkZero(libc().connect(fd, address, address.length), "connect", path);
}

/** @throws {Deno.errors.WouldBlock} EAGAIN: no process has connected. */
export function acceptFrom(fd: number): number {
  const accept4 = required(libc().accept4, "accept4");
  return checkCount(accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC), "accept4");
}

/*
 * A message in one block of memory, so that passing it to C keeps all of it alive:
 *   0 struct msghdr:  16 struct iovec *iov   24 u64 iovlen   32 void *control   40 u64 controllen
 *  56 struct iovec:    0 void *base           8 u64 len
 *  72 struct cmsghdr:  0 u64 len              8 i32 level    12 i32 type        16 the descriptor
 *  96 the payload
 */
const IOV_OFFSET = 56;
const CMSG_OFFSET = 72;
const PAYLOAD_OFFSET = 96;
const CMSG_BYTE_LENGTH = 24n;
/** CMSG_LEN(sizeof(int)) */
const CMSG_LEN = 20n;

function makeMessage(payloadByteLength: number): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(PAYLOAD_OFFSET + payloadByteLength);
  const address = addressOfBytes(bytes);
  const fields = new DataView(bytes.buffer);
  fields.setBigUint64(16, address + BigInt(IOV_OFFSET), true);
  fields.setBigUint64(24, 1n, true);
  fields.setBigUint64(32, address + BigInt(CMSG_OFFSET), true);
  fields.setBigUint64(40, CMSG_BYTE_LENGTH, true);
  fields.setBigUint64(IOV_OFFSET, address + BigInt(PAYLOAD_OFFSET), true);
  fields.setBigUint64(IOV_OFFSET + 8, BigInt(payloadByteLength), true);
  return fields;
}

/** Sends bytes and a descriptor. @throws {Deno.errors.BrokenPipe} EPIPE: the other side has gone. */
export function sendDescriptor(socket: number, payload: Uint8Array, fd: number): void {
  const fields = makeMessage(payload.length);
  const bytes = new Uint8Array(fields.buffer);
  bytes.set(payload, PAYLOAD_OFFSET);
  fields.setBigUint64(CMSG_OFFSET, CMSG_LEN, true);
  fields.setInt32(CMSG_OFFSET + 8, SOL_SOCKET, true);
  fields.setInt32(CMSG_OFFSET + 12, SCM_RIGHTS, true);
  fields.setInt32(CMSG_OFFSET + 16, fd, true);
  checkCount(libc().sendmsg(socket, bytes, MSG_NOSIGNAL), "sendmsg");
}

/** What one message brought. */
export interface Received {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** The descriptor; undefined if the message had none. */
  readonly fd: number | undefined;
}

/** Receives bytes and a descriptor. @throws {Deno.errors.WouldBlock} EAGAIN: nothing came yet. */
export function receiveDescriptor(socket: number, maxByteLength: number): Received {
  const fields = makeMessage(maxByteLength);
  const bytes = new Uint8Array(fields.buffer);
  const count = checkCount(libc().recvmsg(socket, bytes, MSG_CMSG_CLOEXEC), "recvmsg");
  const came = fields.getBigUint64(CMSG_OFFSET, true) === CMSG_LEN &&
    fields.getInt32(CMSG_OFFSET + 8, true) === SOL_SOCKET &&
    fields.getInt32(CMSG_OFFSET + 12, true) === SCM_RIGHTS;
  return {
    payload: bytes.subarray(PAYLOAD_OFFSET, PAYLOAD_OFFSET + count),
    fd: came ? fields.getInt32(CMSG_OFFSET + 16, true) : undefined,
  };
}

/** Waits on a thread of Deno's pool until a socket is ready, at most `timeoutMs`. */
export async function pollSocket(fd: number, events: number, timeoutMs: number): Promise<void> {
  // struct pollfd: 0 i32 fd, 4 i16 events, 6 i16 revents
  const request = new Uint8Array(8);
  const fields = new DataView(request.buffer);
  fields.setInt32(0, fd, true);
  fields.setInt16(4, events, true);
  await libc().pollOffThread(request, 1n, timeoutMs);
}
