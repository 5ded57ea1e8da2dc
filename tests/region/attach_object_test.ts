/** Which object `MmapRegion.attach` finds: the one that the handle names, or none. */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { formatHandle, isSystemError, MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Child } from "../_child.ts";
import { thrownBy } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";

const IS_WINDOWS = Deno.build.os === "windows";

const PROGRAM = new URL("_children.ts", import.meta.url);

/** Checks that a handle's object cannot be reached, and why. */
function assertUnreachable(handle: RegionHandle, reason: string): void {
  const error = thrownBy(() => MmapRegion.attach(handle).close()) as Error;
  assertEquals(error.constructor, Deno.errors.NotFound, String(error));
  assert(error.message.includes(reason), error.message);
  assertEquals(isSystemError(error), false);
}

Deno.test("MmapRegion.attach() reaches the memory of a child until that ends", async () => {
  await using child = new Child(PROGRAM, { args: ["lend"] });
  const handle = JSON.parse(await child.readLine()) as RegionHandle;
  assertEquals(handle.pid, child.pid);
  using region = MmapRegion.attach(handle);
  assertEquals(region.bytes[0], 31);
  region.bytes[1] = 32;
  await child.writeLine("tell");
  assertEquals(await child.readLine(), "32");
  child.kill();
  await child.ended();
  assertEquals([...region.bytes.subarray(0, 2)], [31, 32]); // this region keeps it
  assertUnreachable(handle, "has ended");
  using other = MmapRegion.attach(region.handle());
  assertEquals(other.bytes[0], 31);
});

Deno.test("MmapRegion.attach() refuses a descriptor that is closed or used again", async () => {
  await using child = new Child(PROGRAM, { args: ["closeAndReuse"] });
  const handle = JSON.parse(await child.readLine()) as RegionHandle;
  MmapRegion.attach(handle).close();
  await child.writeLine("close");
  assertEquals(await child.readLine(), "closed");
  assertUnreachable(handle, "has closed its descriptor");
  await child.writeLine("reuse");
  assertEquals(await child.readLine(), "reused");
  assertUnreachable(handle, "another file now");
});

Deno.test("MmapRegion.attach() refuses another process of the same number, and another boot", () => {
  using region = MmapRegion.anonymous(100);
  const handle = region.handle();
  // The start times of Windows are no numbers since a boot, and of two processes one has ended.
  const another = IS_WINDOWS ? "has ended" : "is another process now";
  assertUnreachable({ ...handle, startTime: handle.startTime + 1 }, another);
  assertUnreachable({ ...handle, pid: 2 ** 30 }, "has ended");
  if (!IS_WINDOWS) {
    assertUnreachable({ ...handle, bootId: "0".repeat(36) }, "before a reboot");
    assertUnreachable({ ...handle, bootId: "" }, "before a reboot");
  }
  assertUnreachable({ ...handle, inode: "1" }, "another file now");
  assertUnreachable({ ...handle, device: handle.device + 1 }, "another file now");
  assertUnreachable({ ...handle, birthTime: "1" }, "another file now");
});

/** Takes a file that is open away from its path. On Windows it keeps a name as long as it is open. */
function vacate(path: string): void {
  if (IS_WINDOWS) Deno.renameSync(path, `${path}.moved`);
  else Deno.removeSync(path);
}

onBothFileSystems("MmapRegion.attach() refuses another file at the path", (dir) => {
  const path = makeFile(dir, 100);
  const region = MmapRegion.open(path);
  const handle = region.handle();
  vacate(path);
  Deno.renameSync(makeFile(dir, new Uint8Array(100).fill(66), "other"), path);
  {
    using other = MmapRegion.attach(handle); // its owner still has it
    assertEquals(other.bytes, pattern(100));
  }
  region.close();
  assertUnreachable(handle, "descriptor");
  assertEquals([descriptorsOf(dir), mapsOf(dir)], [[], []]);
});

onBothFileSystems("MmapRegion.attach() refuses a file that took over path and inode", (dir) => {
  const region = MmapRegion.open(makeFile(dir, 100));
  const handle = region.handle();
  region.close();
  const born = () => Deno.statSync(handle.path).birthtime!.getTime();
  const before = born();
  // A file system's clock ticks in milliseconds; the new file must be younger.
  do {
    Deno.removeSync(handle.path);
    makeFile(dir, new Uint8Array(100).fill(66));
  } while (born() <= before + 1);
  assertUnreachable(handle, "descriptor");
});

for (
  const [what, obstruct] of Object.entries({
    "nothing": (): void => {},
    "a directory": (path: string): void => Deno.mkdirSync(path),
    "a circle of links": (path: string): void => Deno.symlinkSync(path, path),
    "a dangling link": (path: string): void => Deno.symlinkSync("/no/such/file", path),
    "a link to elsewhere": (path: string): void => Deno.symlinkSync("/dev/zero", path),
  })
) {
  Deno.test(`MmapRegion.attach() finds a file at whose path is ${what}`, () =>
    withTempDir((dir) => {
      const path = makeFile(dir, 100);
      const region = MmapRegion.open(path, { access: "read-write" });
      const handle = region.handle();
      vacate(path);
      obstruct(path);
      {
        using other = MmapRegion.attach(handle);
        assertEquals(other.bytes, pattern(100));
      }
      region.close();
      assertUnreachable(handle, "descriptor");
    }));
}

Deno.test("MmapRegion.attach() finds a file whose directory became a file or a socket", () =>
  withTempDir((dir) => {
    const inner = join(dir, "inner");
    Deno.mkdirSync(inner);
    using region = MmapRegion.open(makeFile(inner, 100), { access: "read-write" });
    Deno.renameSync(inner, join(dir, "moved"));
    makeFile(dir, 1, "inner");
    using one = MmapRegion.attach(region.handle()); // names the new path
    assertEquals(one.handle().path, join(dir, "moved", "data.bin"));
    using two = MmapRegion.attach({ ...region.handle(), path: join(inner, "data.bin") });
    const socket = join(dir, "socket");
    using _listener = Deno.listen({ transport: "unix", path: socket });
    using three = MmapRegion.attach({ ...region.handle(), path: socket });
    assertEquals([one.bytes, two.bytes, three.bytes], Array(3).fill(pattern(100)));
  }));

Deno.test("MmapRegion.attach() does not wait at a FIFO in the file's place", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 100);
    using region = MmapRegion.open(path);
    const handle = region.handle();
    Deno.removeSync(path);
    assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    using other = MmapRegion.attach(handle);
    assertEquals(other.bytes, pattern(100));
  }));

Deno.test("MmapRegion.attach() finds files by hard links and after they were renamed", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100);
    const region = MmapRegion.open(path);
    const handle = region.handle();
    const link = join(dir, "link");
    Deno.linkSync(path, link);
    Deno.renameSync(path, join(dir, "moved"));
    using other = MmapRegion.attach(handle);
    region.close();
    using again = MmapRegion.attach({ ...handle, path: link });
    assertEquals([other.bytes, again.bytes], [pattern(100), pattern(100)]);
  }));

Deno.test("MmapRegion.attach() finds a file whose name is no UTF-8, by its owner", () =>
  withTempDir(async (dir) => {
    const script =
      `cd "$0" && printf data > "$(printf 'bad\\377')" && ln -s "$(printf 'bad\\377')" link`;
    const { success } = await new Deno.Command("/bin/sh", { args: ["-c", script, dir] }).output();
    assert(success);
    using region = MmapRegion.open(join(dir, "link"));
    using other = MmapRegion.attach(formatHandle(region.handle()));
    assertEquals(new TextDecoder().decode(other.bytes.slice()), "data");
  }));
