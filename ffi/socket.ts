/**
 * Unix sockets that pass descriptors (SCM_RIGHTS). macOS has structs of its own, and no flags that make a
 * descriptor close-on-exec or its calls not wait as it is made.
 */

import { checkCount, checkZero, required } from "./call.ts";
import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_NOSIGNAL,
  O_NONBLOCK,
  SCM_RIGHTS,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "./constants.ts";
import { cString } from "./arguments.ts";
import { acceptConnection } from "./darwin.ts";
import { libc, threadErrno } from "./libc.ts";
import { addressOfBytes } from "./memory.ts";
import { factOf } from "./platform.ts";

const isDarwin = factOf({ linux: false, darwin: true });

/**
 * struct sockaddr_un: 0 u16 sun_family, 2 char sun_path[108]; on macOS 0 u8 sun_len, 1 u8 sun_family,
 * 2 char sun_path[104]. The path's NUL is part of it.
 */
const SUN_PATH_BYTES = isDarwin ? 104 : 108;

/** A socket that neither waits nor survives `exec`. */
export function unixSocket(): number {
  const type = SOCK_STREAM | (SOCK_NONBLOCK ?? 0) | (SOCK_CLOEXEC ?? 0);
  return prepared(checkCount(libc().socket(AF_UNIX, type, 0), threadErrno[0]!, "socket"));
}

/** A descriptor that neither waits nor survives `exec`, where it was not made so. */
function prepared(fd: number): number {
  if (isDarwin) {
    closeOnExec(fd);
    checkCount(libc().fcntl(fd, F_SETFL, BigInt(O_NONBLOCK)), threadErrno[0]!, "fcntl");
  }
  return fd;
}

function closeOnExec(fd: number): void {
  checkCount(libc().fcntl(fd, F_SETFD, FD_CLOEXEC), threadErrno[0]!, "fcntl");
}

/** The same numbers on all systems. */
const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1n;

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
  if (isDarwin) address.set([address.length, AF_UNIX]);
  else new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, 2);
  return address;
}

/** @throws {Deno.errors.AddrInUse} EADDRINUSE: there is something at that path. */
export function bindAndListen(fd: number, address: Uint8Array<ArrayBuffer>, path: string): void {
  checkZero(libc().bind(fd, address, address.length), threadErrno[0]!, "bind", path);
  // Before `listen`, so that nobody else gets in meanwhile.
  checkZero(libc().chmod(cString(path, "path", "chmod"), 0o600), threadErrno[0]!, "chmod", path);
  checkZero(libc().listen(fd, 1), threadErrno[0]!, "listen", path);
}

/** @throws {Deno.errors.NotFound} ENOENT. @throws {Deno.errors.ConnectionRefused} ECONNREFUSED. */
export function connectTo(fd: number, address: Uint8Array<ArrayBuffer>, path: string): void {
  checkZero(libc().connect(fd, address, address.length), threadErrno[0]!, "connect", path);
}

/** @throws {Deno.errors.WouldBlock} EAGAIN: no process has connected. */
export function acceptFrom(fd: number): number {
  if (isDarwin) return prepared(acceptConnection(fd));
  const accept4 = required(libc().accept4, "accept4");
  return checkCount(
    accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC),
    threadErrno[0]!,
    "accept4",
  );
}

/*
 * A message in one block of memory, so that passing it to C keeps all of it alive:
 *   0 struct msghdr:  16 struct iovec *iov   24 u64 iovlen   32 void *control   40 u64 controllen
 *  56 struct iovec:    0 void *base           8 u64 len
 *  72 struct cmsghdr:  0 u64 len              8 i32 level    12 i32 type        16 the descriptor
 *  96 the payload
 * On macOS the lengths of msghdr and cmsghdr are of 32 bits, so that level, type and descriptor of the
 * latter come 4 bytes earlier.
 */
const IOV_OFFSET = 56;
const CMSG_OFFSET = 72;
const PAYLOAD_OFFSET = 96;
/** CMSG_SPACE(sizeof(int)) and CMSG_LEN(sizeof(int)) */
const CMSG_BYTE_LENGTH = isDarwin ? 16 : 24;
const CMSG_LEN = isDarwin ? 16 : 20;
/** Where in it the level is, the type 4 bytes and the descriptor 8 bytes behind. */
const LEVEL_OFFSET = CMSG_OFFSET + (isDarwin ? 4 : 8);

function makeMessage(payloadByteLength: number): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(PAYLOAD_OFFSET + payloadByteLength);
  const address = addressOfBytes(bytes);
  const fields = new DataView(bytes.buffer);
  fields.setBigUint64(16, address + BigInt(IOV_OFFSET), true);
  fields.setUint32(24, 1, true); // the other half is 0, as everywhere below
  fields.setBigUint64(32, address + BigInt(CMSG_OFFSET), true);
  fields.setUint32(40, CMSG_BYTE_LENGTH, true);
  fields.setBigUint64(IOV_OFFSET, address + BigInt(PAYLOAD_OFFSET), true);
  fields.setBigUint64(IOV_OFFSET + 8, BigInt(payloadByteLength), true);
  return fields;
}

/** Sends bytes and a descriptor. @throws {Deno.errors.BrokenPipe} EPIPE: the other side has gone. */
export function sendDescriptor(socket: number, payload: Uint8Array, fd: number): void {
  const fields = makeMessage(payload.length);
  const bytes = new Uint8Array(fields.buffer);
  bytes.set(payload, PAYLOAD_OFFSET);
  fields.setUint32(CMSG_OFFSET, CMSG_LEN, true);
  fields.setInt32(LEVEL_OFFSET, SOL_SOCKET, true);
  fields.setInt32(LEVEL_OFFSET + 4, SCM_RIGHTS, true);
  fields.setInt32(LEVEL_OFFSET + 8, fd, true);
  checkCount(libc().sendmsg(socket, bytes, MSG_NOSIGNAL), threadErrno[0]!, "sendmsg");
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
  const count = checkCount(
    libc().recvmsg(socket, bytes, MSG_CMSG_CLOEXEC ?? 0),
    threadErrno[0]!,
    "recvmsg",
  );
  const came = fields.getUint32(CMSG_OFFSET, true) === CMSG_LEN &&
    fields.getInt32(LEVEL_OFFSET, true) === SOL_SOCKET &&
    fields.getInt32(LEVEL_OFFSET + 4, true) === SCM_RIGHTS;
  const fd = came ? fields.getInt32(LEVEL_OFFSET + 8, true) : undefined;
  if (fd !== undefined && isDarwin) closeOnExec(fd);
  return { payload: bytes.subarray(PAYLOAD_OFFSET, PAYLOAD_OFFSET + count), fd };
}

/**
 * Waits on a thread of Deno's pool until a socket is ready, at most `timeoutMs`.
 *
 * @returns what it is ready for; 0 if for nothing
 */
export async function pollSocket(fd: number, events: number, timeoutMs: number): Promise<number> {
  // struct pollfd: 0 i32 fd, 4 i16 events, 6 i16 revents
  const request = new Uint8Array(8);
  const fields = new DataView(request.buffer);
  fields.setInt32(0, fd, true);
  fields.setInt16(4, events, true);
  await libc().pollOffThread(request, 1n, timeoutMs);
  return fields.getInt16(6, true); // to read it keeps it: a call on another thread does not
}
