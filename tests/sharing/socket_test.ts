/** `sendRegion` and `receiveRegion`: a descriptor over a Unix socket. */

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { MmapRegion, receiveRegion, sendRegion } from "@mmap/mmap";
import { holdings } from "../_capabilities.ts";
import { factOf } from "../../ffi/platform.ts";
import { Child, resultOf } from "../_child.ts";
import { assertSystemError } from "../_errors.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { countDescriptors } from "../_process.ts";
import { exists, withName } from "./_names.ts";
import {
  appearance,
  assertNothingAt,
  described,
  PEERS,
  reasonOf,
  withSocketPath,
} from "./_passing.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** In bytes; on Windows, in characters of the full path. */
const LONGEST = IS_WINDOWS ? 242 : factOf({ linux: 107, darwin: 103 });

Deno.test(
  "receiveRegion() gets each kind of region in another process",
  () =>
    withTempDir((dir) =>
      withName(async (name) => {
        const makeRegions = [
          () => MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" }),
          () => MmapRegion.anonymous(PAGE),
          () => MmapRegion.named(name, { createNew: true, byteLength: PAGE }),
        ];
        for (const make of makeRegions) {
          using region = make();
          region.bytes.set([1, 0]);
          const path = join(dir, "region.sock");
          const [, seen] = await Promise.all([
            sendRegion(region, path),
            resultOf(PEERS, { args: ["receive", path] }),
          ]);
          assertEquals([seen, region.bytes[1]], [described(region), 2]);
          assertEquals(exists(name), region.kind === "named"); // it is not the receiver's
        }
      })
    ),
);

Deno.test(
  "receiveRegion() reads its options once, and checks them before anybody gives anything",
  () =>
    withSocketPath(async (path) => {
      const reads: string[] = [];
      const options = {
        timeoutMs: 30_000,
        get access(): "read" {
          reads.push("access");
          return "read";
        },
      };
      using region = MmapRegion.anonymous(PAGE);
      const wrong = { access: "write" } as object;
      assertInstanceOf(await reasonOf(receiveRegion(path, wrong)), TypeError);
      const [, received] = await Promise.all([
        sendRegion(region, path),
        receiveRegion(path, options),
      ]);
      using other = received;
      assertEquals([other.access, reads], ["read", ["access"]]);
    }),
);

Deno.test(
  "receiveRegion() may come first, and later",
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE);
      const early = receiveRegion(path);
      await new Promise((resolve) => setTimeout(resolve)); // it has looked in vain by now
      await sendRegion(region, path);
      (await early)[Symbol.dispose]();
      const sent = sendRegion(region, path);
      await appearance(path);
      using late = await receiveRegion(path);
      await sent;
      region.bytes[0] = 7;
      assertEquals(late.bytes[0], 7);
      assertNothingAt(path);
    }),
);

Deno.test(
  "receiveRegion() gets a region whose sender closes it or ends at once",
  () =>
    withSocketPath(async (path) => {
      const sender = resultOf(PEERS, { args: ["send", path, 4096] });
      using region = await receiveRegion(path);
      await sender;
      assertEquals([region.bytes[0], region.byteLength], [7, 4096]);
    }),
);

Deno.test(
  "sendRegion() sends a region that is closed during the wait",
  () =>
    withSocketPath(async (path) => {
      const region = MmapRegion.anonymous(PAGE);
      region.bytes[0] = 7;
      const sent = sendRegion(region, path);
      await appearance(path);
      region.close();
      using received = await receiveRegion(path);
      await sent;
      assertEquals([region.closed, received.bytes[0]], [true, 7]);
    }),
);

Deno.test(
  "receiveRegion() grants what the handle grants, and maps as its options say",
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(2 * PAGE, { seal: "write" });
      region.bytes[PAGE] = 7;
      const [, received] = await Promise.all([
        sendRegion(region, path),
        receiveRegion(path, { byteOffset: PAGE, byteLength: 10 }),
      ]);
      using part = received;
      assertEquals([part.access, part.byteOffset, part.byteLength], ["read", PAGE, 10]);
      assertEquals(part.bytes[0], 7);
      const [, refused] = await Promise.all([
        sendRegion(region, path),
        reasonOf(receiveRegion(path, { access: "read-write" })),
      ]);
      assertInstanceOf(refused, Deno.errors.PermissionDenied);
      const [, outside] = await Promise.all([
        sendRegion(region, path),
        reasonOf(receiveRegion(path, { byteLength: 3 * PAGE })),
      ]);
      assertInstanceOf(outside, RangeError);
    }),
);

Deno.test(
  "sendRegion() gives a region to one of two receivers, and the next to the other",
  () =>
    withSocketPath(async (path) => {
      const regions = [1, 2].map((id) => {
        const region = MmapRegion.anonymous(PAGE);
        region.bytes[0] = id;
        return region;
      });
      const receivers = [receiveRegion(path), receiveRegion(path)];
      for (const region of regions) await sendRegion(region, path);
      const received = await Promise.all(receivers);
      assertEquals(received.map((region) => region.bytes[0]).sort(), [1, 2]);
      for (const region of [...regions, ...received]) region.close();
    }),
);

Deno.test(
  "sendRegion() and receiveRegion() give up after timeoutMs",
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE);
      const reasons = [
        sendRegion(region, path, { timeoutMs: 30 }),
        receiveRegion(path.replace(".sock", ".none"), { timeoutMs: 30 }),
        receiveRegion(path.replace(".sock", ".none"), { timeoutMs: 0 }),
      ].map(reasonOf);
      for (const reason of reasons) assertInstanceOf(await reason, Deno.errors.TimedOut);
      assertNothingAt(path);
    }),
);

Deno.test(
  "sendRegion() and receiveRegion() end with the signal's reason",
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE);
      const reason = new Error("enough");
      const signal = AbortSignal.abort(reason);
      assertStrictEquals(await reasonOf(sendRegion(region, path, { signal })), reason);
      assertStrictEquals(await reasonOf(receiveRegion(path, { signal })), reason);
      const later = new AbortController();
      const ends = [
        sendRegion(region, path, { signal: later.signal }),
        receiveRegion(path.replace(".sock", ".none"), { signal: later.signal }),
      ].map(reasonOf);
      await appearance(path);
      later.abort(reason);
      for (const end of ends) assertStrictEquals(await end, reason);
      assertNothingAt(path);
    }),
);

Deno.test(
  "sendRegion() throws AddrInUse and leaves alone what is at the path",
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE);
      Deno.writeTextFileSync(path, "somebody else's");
      assertSystemError(
        await reasonOf(sendRegion(region, path)),
        Deno.errors.AddrInUse,
        "EADDRINUSE",
        IS_WINDOWS ? "CreateNamedPipeW" : "bind",
      );
      assertEquals(Deno.readTextFileSync(path), "somebody else's");
      Deno.removeSync(path);
      const first = sendRegion(region, path);
      await appearance(path);
      assertInstanceOf(await reasonOf(sendRegion(region, path)), Deno.errors.AddrInUse);
      using received = await receiveRegion(path);
      await first;
      assertEquals(received.byteLength, PAGE);
      if (IS_WINDOWS) return;
      using listener = Deno.listen({ transport: "unix", path });
      assertInstanceOf(await reasonOf(sendRegion(region, path)), Deno.errors.AddrInUse);
      assertEquals(Deno.lstatSync(path).isSocket, true);
      listener.close();
    }),
);

Deno.test(
  "sendRegion() refuses what it cannot send, and where it cannot",
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE);
      using secret = MmapRegion.anonymous(PAGE, { sharing: "private" });
      const closed = MmapRegion.anonymous(PAGE);
      closed.close();
      const long = join(dirname(path), "x").padEnd(LONGEST + 1, "x");
      assertInstanceOf(await reasonOf(sendRegion(secret, path)), Deno.errors.NotSupported);
      assertInstanceOf(await reasonOf(sendRegion(closed, path)), Deno.errors.BadResource);
      assertInstanceOf(await reasonOf(sendRegion(region, long)), RangeError);
      assertInstanceOf(await reasonOf(receiveRegion(long)), RangeError);
      assertInstanceOf(await reasonOf(sendRegion(region, "")), RangeError);
      assertInstanceOf(await reasonOf(sendRegion(region, path, { timeoutMs: -1 })), RangeError);
      const unsigned = await reasonOf(sendRegion(region, path, { signal: 1 } as object));
      assertEquals(
        String(unsigned),
        "TypeError: Cannot send region as signal must be an AbortSignal: received 1",
      );
      assertInstanceOf(
        await reasonOf(sendRegion(region, `${path}/none/region.sock`)),
        Deno.errors.NotFound,
      );
    }),
);

Deno.test(
  "the longest path that a socket may have is not too long",
  () =>
    withTempDir(async (dir) => {
      const path = join(dir, "x").padEnd(LONGEST, "x");
      using region = MmapRegion.anonymous(PAGE);
      const [, received] = await Promise.all([sendRegion(region, path), receiveRegion(path)]);
      received.close();
    }),
);

Deno.test(
  "passing a region leaves no descriptor behind",
  holdings,
  () =>
    withSocketPath(async (path) => {
      using region = MmapRegion.anonymous(PAGE, { label: crypto.randomUUID() });
      for (let i = 0; i < 3; i++) {
        const [, received] = await Promise.all([sendRegion(region, path), receiveRegion(path)]);
        assertEquals(countDescriptors(region), 2);
        received.close();
      }
      await reasonOf(sendRegion(region, path, { timeoutMs: 0 }));
      assertEquals(countDescriptors(region), 1);
    }),
);

Deno.test(
  "a sender that is killed while it waits leaves a socket that a receiver outlives",
  () =>
    withSocketPath(async (path) => {
      await using child = new Child(PEERS, { args: ["send", path, 4096] });
      await appearance(path);
      child.kill("SIGKILL");
      await child.ended();
      const reason = await reasonOf(receiveRegion(path, { timeoutMs: 30 }));
      assertInstanceOf(reason, Deno.errors.TimedOut);
    }),
);
