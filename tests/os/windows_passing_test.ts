/** What Windows alone needs of passing regions: what those at the ends of its pipes can do to each other. */

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { basename, dirname } from "@std/path";
import { formatHandle, MmapRegion, receiveRegion, sendRegion } from "@mmap/mmap";
import { lastError, newStruct, type Struct, windows } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import { close } from "../../src/os/windows/files.ts";
import { writeMessage } from "../../src/os/windows/pipes.ts";
import { Child } from "../_child.ts";
import { PAGE } from "../_pages.ts";
import { countDescriptors } from "../_process.ts";
import { messageOf, withClient, withSender } from "../_windows_pipes.ts";
import { PEERS, reasonOf, withSocketPath } from "../sharing/_passing.ts";

/** Elsewhere there is no such test: `deno task test:windows` runs these. */
function onWindows(name: string, body: (path: string) => Promise<void>): void {
  if (system().name !== "windows") return;
  Deno.test(`on Windows, ${name}`, () => withSocketPath(body));
}

const MAGIC = 0x53504d4d;
const READ_WRITE = 6;

function message(...numbers: number[]): Struct {
  const struct = newStruct(4 * numbers.length);
  numbers.forEach((number, i) => struct.view.setUint32(4 * i, number, true));
  return struct;
}

/** Runs `body` with an event that resets itself. */
async function withEvent(body: (event: number) => Promise<void>): Promise<void> {
  const event = windows().CreateEventW(null, 0, 0, null);
  try {
    await body(event);
  } finally {
    close(event);
  }
}

/** Checks that a sender who waits still gives its region to one who asks for it in order. */
async function assertGiven(path: string, sent: Promise<void>): Promise<void> {
  using received = await receiveRegion(path);
  await sent;
  assertEquals(received.byteLength, PAGE);
}

onWindows("no receiver takes a handle of its own that a sender names", async (path) => {
  using region = MmapRegion.anonymous(PAGE);
  const { fd } = region.handle();
  const text = new TextEncoder().encode(formatHandle(region.handle()));
  const stop = new AbortController();
  const received = reasonOf(receiveRegion(path, { signal: stop.signal }));
  await withClient(path, (pipe) => {
    const { bytes } = message(MAGIC, fd, READ_WRITE);
    assertEquals(writeMessage(pipe, new Uint8Array([...bytes, ...text])), true);
  });
  // It has found that out once it asks again.
  await withClient(path, () => {});
  stop.abort();
  assertInstanceOf(await received, DOMException);
  assertEquals(countDescriptors(region), 1);
});

onWindows("a receiver goes on where a sender ends before it gives anything", async (path) => {
  const received = receiveRegion(path);
  await withClient(path, () => {});
  using region = MmapRegion.anonymous(PAGE);
  await sendRegion(region, path);
  (await received).close();
});

onWindows(
  "a sender drops who is no receiver, and gives its region to the next",
  (path) =>
    withEvent(async (event) => {
      using region = MmapRegion.anonymous(PAGE);
      const none = 0x7ffffffc;
      const file = region.handle().fd; // no event
      const wrong = [[MAGIC, 0], [MAGIC, 3], [MAGIC, none], [MAGIC, file], [MAGIC + 1, event]];
      for (const greeting of [[], [MAGIC], ...wrong]) {
        const sent = sendRegion(region, path);
        await withSender(path, async (pipe) => {
          if (greeting.length === 0) return;
          assertEquals(writeMessage(pipe, message(...greeting).bytes), true);
          assertEquals(await messageOf(pipe), undefined, `${greeting}`); // the sender closes it
        });
        await assertGiven(path, sent);
        assertEquals(countDescriptors(region), 1, `${greeting}`);
      }
    }),
);

onWindows(
  "what a receiver does not take is taken back from it",
  (path) =>
    withEvent(async (event) => {
      using region = MmapRegion.anonymous(PAGE);
      const stop = new AbortController();
      const sent = sendRegion(region, path, { signal: stop.signal });
      const greet = (leave: (offer: DataView | undefined) => unknown): Promise<void> =>
        withSender(path, async (pipe) => {
          writeMessage(pipe, message(MAGIC, event).bytes);
          const offer = await messageOf(pipe);
          assertEquals([offer?.getUint32(8, true), countDescriptors(region)], [READ_WRITE, 2]);
          await leave(offer);
        });
      await greet(() => {}); // it closes its end
      await greet(async () => {
        stop.abort(new Error("enough"));
        assertEquals(String(await reasonOf(sent)), "Error: enough");
      });
      assertEquals(countDescriptors(region), 1);
    }),
);

onWindows(
  "what a receiver has taken is its own, though the sender gives up",
  (path) =>
    withEvent(async (event) => {
      using region = MmapRegion.anonymous(PAGE);
      const stop = new AbortController();
      const sent = sendRegion(region, path, { signal: stop.signal });
      await withSender(path, async (pipe) => {
        writeMessage(pipe, message(MAGIC, event).bytes);
        const offer = await messageOf(pipe);
        assertEquals(windows().WaitForSingleObject(BigInt(event), 0), 0);
        stop.abort();
        await sent;
        assertEquals(countDescriptors(region), 2);
        close(offer!.getUint32(4, true));
      });
    }),
);

onWindows("a receiver that is killed has taken nothing", async (path) => {
  using region = MmapRegion.anonymous(PAGE);
  const sent = sendRegion(region, path);
  await using child = new Child(PEERS, { args: ["greet", path, MAGIC] });
  assertEquals(await child.readLine(), "offered");
  child.kill();
  await child.ended();
  await assertGiven(path, sent);
  assertEquals(countDescriptors(region), 1);
});

onWindows("memory that is sealed against writing arrives so", async (path) => {
  using region = MmapRegion.anonymous(PAGE, { seal: "write" });
  const [, received] = await Promise.all([sendRegion(region, path), receiveRegion(path)]);
  using other = received;
  const { MapViewOfFile } = windows();
  const view = MapViewOfFile(BigInt(other.handle().fd), 2, 0, 0, BigInt(PAGE));
  assertEquals([view, lastError[0]], [null, 5]);
});

onWindows("all spellings of a path lead to the same pipe", async (path) => {
  const before = Deno.cwd();
  Deno.chdir(dirname(path));
  try {
    const spellings = [
      basename(path),
      path.toUpperCase(),
      path.replaceAll("\\", "/"),
      `\\\\?\\${path}`,
    ];
    for (const spelling of spellings) {
      using region = MmapRegion.anonymous(PAGE);
      await Promise.all([sendRegion(region, path), assertGiven(spelling, Promise.resolve())]);
    }
  } finally {
    Deno.chdir(before);
  }
});

onWindows("the name of a pipe is taken as it is, if it is not too long", async () => {
  using region = MmapRegion.anonymous(PAGE);
  const name = `mmap_test_${crypto.randomUUID()}`.padEnd(247, "x");
  const path = `\\\\.\\pipe\\${name}`;
  const sent = sendRegion(region, path);
  await assertGiven(`//./PIPE/${name.toUpperCase()}`, sent);
  assertInstanceOf(await reasonOf(sendRegion(region, `${path}x`)), RangeError);
  assertInstanceOf(await reasonOf(receiveRegion(`${path}x`)), RangeError);
});

const ntdll = system().name !== "windows" ? undefined : Deno.dlopen("ntdll.dll", {
  NtQuerySecurityObject: {
    parameters: ["usize", "u32", "buffer", "u32", "buffer"], // HANDLE, what, LPVOID, ULONG size, ULONG *
    result: "i32",
  },
}).symbols;

const DACL = 4;
const FILE_ALL_ACCESS = 0x1f01ff;
/** Whether an entry is for everybody: the SID S-1-1-0. */
const EVERYBODY = "1,1,0,0,0,0,0,1,0,0,0,0";

onWindows("a pipe has a list of who may open it, with this user alone", async (path) => {
  using region = MmapRegion.anonymous(PAGE);
  const stop = new AbortController();
  const reason = new Error("enough");
  const sent = reasonOf(sendRegion(region, path, { signal: stop.signal }));
  await withSender(path, (pipe) => {
    const [list, length] = [newStruct(1024), newStruct(4)];
    const status = ntdll!.NtQuerySecurityObject(BigInt(pipe), DACL, list.bytes, 1024, length.bytes);
    assertEquals(status, 0);
    const at = list.view.getUint32(16, true);
    assertEquals(list.view.getUint16(at + 4, true), 1, "how many entries");
    assertEquals([list.view.getUint8(at + 8), list.view.getUint32(at + 12, true)], [
      0,
      FILE_ALL_ACCESS,
    ]);
    assertEquals(list.bytes.slice(at + 16, at + 28).join() === EVERYBODY, false);
  });
  stop.abort(reason);
  assertStrictEquals(await sent, reason);
});
