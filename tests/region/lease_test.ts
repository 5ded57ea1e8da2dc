/** Files that somebody has a lease on (fcntl F_SETLEASE): opening waits until it is given back. */

import { assertEquals, assertThrows } from "@std/assert";
import { basename } from "@std/path";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { linux } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { silentPipe } from "../_fifo.ts";
import { makeFile, withTempDir } from "../_files.ts";

const HOLDER = new URL("_lease.ts", import.meta.url);
const OPENER = new URL("_lease_opener.ts", import.meta.url);

/** Elsewhere there are no leases, and so no such tests. */
const WAYS = linux.ignore ? [] : [
  "open()",
  "open() for writing",
  "open() with create",
  "open() with truncate",
  "attach()",
  "named()",
];

for (const way of WAYS) {
  Deno.test(
    `MmapRegion.${way} waits for a lease to be given back`,
    () =>
      withTempDir(async (dir) => {
        const isNamed = way === "named()";
        const name = `mmap_test_${basename(dir)}`;
        using named = isNamed ? makeNamed(name) : undefined;
        const path = isNamed ? `/dev/shm/${name}` : makeFile(dir, 5000);
        const more = isNamed ? name : handleOf(path);
        named?.close();
        using _name = { [Symbol.dispose]: () => isNamed && MmapRegion.unlink(name) };
        await using holder = new Child(HOLDER, { args: [path] });
        assertEquals(await holder.readLine(), "held");
        await using opener = new Child(OPENER, { args: [way, path, more] });
        const opened = opener.readLine();
        assertEquals(await Promise.race([holder.readLine(), opened]), "asked");
        await holder.writeLine("give it back");
        assertEquals(await opened, "opened 5000");
      }),
  );
}

/** Memory whose name stays. */
function makeNamed(name: string): MmapRegion {
  return MmapRegion.named(name, { createNew: true, byteLength: 5000, unlinkOnClose: false });
}

/** A handle that leads there by its path alone: a lease wants nobody else to have the file open. */
function handleOf(path: string): string {
  using region = MmapRegion.open(path);
  return formatHandle(region.handle());
}

Deno.test(
  "MmapRegion.open() waits for no FIFO's peer",
  () =>
    withTempDir(async (dir) => {
      using pipe = await silentPipe(dir);
      const { path } = pipe;
      assertThrows(() => MmapRegion.open(path));
      assertThrows(() => MmapRegion.open(path, { access: "read-write" }));
      assertThrows(() =>
        MmapRegion.open(path, { access: "read-write", create: true, byteLength: 9 })
      );
    }),
);
