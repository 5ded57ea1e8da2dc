/** Passing regions where the other side is a stranger: another user, or no sender of regions. */

import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { formatHandle, MmapRegion, receiveRegion, sendRegion } from "@mmap/mmap";
import {
  acceptFrom,
  bindAndListen,
  sendDescriptor,
  unixAddress,
  unixSocket,
} from "../../ffi/socket.ts";
import { close } from "../../ffi/file_calls.ts";
import { system } from "../../src/os/mod.ts";
import type { OpenObject } from "../../src/os/system.ts";
import { writeMessage } from "../../src/os/windows/pipes.ts";
import { holdings } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { assertSystemError } from "../_errors.ts";
import { PAGE } from "../_pages.ts";
import { countDescriptors } from "../_process.ts";
import { appearance, PEERS, reasonOf, withSocketPath } from "./_passing.ts";
import { withClient } from "../_windows_pipes.ts";

/** Answers the one who connects with a message and, if given, an object. */
async function answerOnce(path: string, text: string, fd?: number): Promise<void> {
  const message = new TextEncoder().encode(text);
  if (Deno.build.os === "windows") return await answerByPipe(path, message, fd);
  if (fd === undefined) {
    using listener = Deno.listen({ transport: "unix", path });
    using connection = await listener.accept();
    if (text !== "") await connection.write(message);
    return;
  }
  const listener = unixSocket();
  try {
    bindAndListen(listener, unixAddress(path), path);
    const socket = await acceptSoon(listener);
    sendDescriptor(socket, message, fd);
    close(socket);
  } finally {
    close(listener);
    Deno.removeSync(path);
  }
}

async function answerByPipe(
  path: string,
  message: Uint8Array<ArrayBuffer>,
  fd?: number,
): Promise<void> {
  if (fd === undefined) return await withClient(path, (pipe) => void writeMessage(pipe, message));
  const { send } = await system().passing();
  await send(path, fd as OpenObject, message, { check: () => {} });
}

async function acceptSoon(listener: number): Promise<number> {
  while (true) {
    try {
      return acceptFrom(listener);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What `receiveRegion` says to such a sender; the descriptor must not stay. */
async function refusal(path: string, text: string, fd?: number): Promise<Error> {
  const [, reason] = await Promise.all([
    answerOnce(path, text, fd),
    reasonOf(receiveRegion(path)),
  ]);
  return reason as Error;
}

Deno.test(
  "receiveRegion() throws TypeError if no descriptor comes",
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE);
      for (const text of ["", "garbage", formatHandle(region.handle())]) {
        const error = await refusal(path, text);
        assertInstanceOf(error, TypeError, text);
        assertStringIncludes(error.message, "no descriptor arrived");
      }
    }),
);

Deno.test(
  "receiveRegion() throws TypeError if the message is no handle, or another one's",
  holdings,
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE, { label: crypto.randomUUID() });
      using other = MmapRegion.anonymous(PAGE);
      const { fd } = region.handle();
      for (const text of ["garbage", "mmap:", "\xff\0", formatHandle(other.handle())]) {
        assertInstanceOf(await refusal(path, text, fd), TypeError, text);
      }
      assertEquals(countDescriptors(region), 1);
    }),
);

Deno.test(
  "receiveRegion() throws RangeError if the object is shorter than the handle says",
  holdings,
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE, { label: crypto.randomUUID() });
      const handle = { ...region.handle(), byteLength: PAGE + 1 };
      const error = await refusal(path, formatHandle(handle), handle.fd);
      assertInstanceOf(error, RangeError);
      assertEquals(countDescriptors(region), 1);
    }),
);

const asRoot = { ignore: Deno.uid() !== 0 };

Deno.test(
  "receiveRegion() throws PermissionDenied at another user's socket",
  asRoot,
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE);
      await Deno.chmod(path.replace(/[^/]*$/, ""), 0o777);
      const stop = new AbortController();
      const sent = reasonOf(sendRegion(region, path, { signal: stop.signal }));
      await appearance(path);
      assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o600);
      await using child = new Child(PEERS, { args: ["receiveAsNobody", path] });
      assertEquals(await child.readLine(), "ready");
      assertEquals(await child.readLine(), "waiting");
      const refused = ["PermissionDenied", "EACCES", "connect"];
      assertEquals(JSON.parse(await child.readLine()), refused);
      stop.abort();
      assertInstanceOf(await sent, DOMException);
    }),
);

Deno.test(
  "receiveRegion() gets another user's region where the socket lets it in",
  asRoot,
  () =>
    withSocketPath(async (path) => {
      await Deno.chmod(path.replace(/[^/]*$/, ""), 0o777);
      using region = MmapRegion.anonymous(PAGE);
      region.bytes[0] = 1;
      const sent = sendRegion(region, path);
      await appearance(path);
      await Deno.chmod(path, 0o666);
      await using child = new Child(PEERS, { args: ["receiveAsNobody", path] });
      assertEquals(await child.readLine(), "ready");
      assertEquals(await child.readLine(), "waiting");
      const access = "read-write";
      assertEquals(JSON.parse(await child.readLine()), {
        kind: "anonymous",
        access,
        byteLength: PAGE,
      });
      await sent;
      assertEquals(region.bytes[1], 2);
    }),
);

Deno.test(
  "sendRegion() of another user reaches root",
  asRoot,
  () =>
    withSocketPath(async (path) => {
      await Deno.chmod(path.replace(/[^/]*$/, ""), 0o777);
      await using child = new Child(PEERS, { args: ["sendAsNobody", path, 100] });
      using received = await receiveRegion(path);
      assertEquals([received.bytes[0], received.byteLength], [7, 100]);
      assertEquals((await child.ended()).success, true);
    }),
);

Deno.test(
  "sendRegion() says so if it may not make a socket there",
  asRoot,
  () =>
    withSocketPath(async (path) => {
      await using child = new Child(PEERS, { args: ["sendAsNobody", path, 1] });
      assertEquals(await child.readLine(), "ready");
      const refused = ["PermissionDenied", "EACCES", "bind"];
      assertEquals(JSON.parse(await child.readLine()), refused);
      using region = MmapRegion.anonymous(PAGE);
      const reason = await reasonOf(sendRegion(region, "/proc/none.sock"));
      assertSystemError(reason, Deno.errors.NotFound, "ENOENT", "bind");
    }),
);
