/** Named shared memory: making it, finding it, and whose its name is. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { guard, linux, namedFolder, namedList, otherDescriptors } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { PAGE } from "../_pages.ts";
import { exists, infoOf, makeForeign, ownerFilesOf, removeForeign, withName } from "./_names.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

const IS_WINDOWS = Deno.build.os === "windows";

const create = { create: true, byteLength: 2 * PAGE } as const;
const createNew = { createNew: true, byteLength: 2 * PAGE } as const;

Deno.test(
  "MmapRegion.named() makes memory that another process finds by its name",
  () =>
    withName(async (name) => {
      using region = MmapRegion.named(name, create);
      assertEquals([region.kind, region.name, region.access, region.sharing, region.byteLength], [
        "named",
        name,
        "read-write",
        "shared",
        2 * PAGE,
      ]);
      region.bytes[0] = 1;
      const seen = await resultOf(PROGRAM, { args: ["writeSecond", name] });
      assertEquals([seen, region.bytes[1]], [[2 * PAGE, 1], 2]);
    }),
);

Deno.test("MmapRegion.named() with create joins what is there", () =>
  withName((name) => {
    using first = MmapRegion.named(name, create);
    first.bytes[0] = 7;
    {
      using second = MmapRegion.named(`/${name}`, create);
      assertEquals([second.name, second.bytes[0]], [name, 7]);
    }
    assertEquals(exists(name), true); // the second one is not its creator
  }));

Deno.test(
  "MmapRegion.named() with createNew throws AlreadyExists and leaves it alone",
  () =>
    withName((name) => {
      using region = MmapRegion.named(name, createNew);
      region.bytes[0] = 7;
      const again = () => MmapRegion.named(name, createNew);
      assertThrowsSystem(again, Deno.errors.AlreadyExists, "EEXIST", "shm_open");
      assertEquals([exists(name), region.bytes[0]], [true, 7]);
      assertEquals(ownerFilesOf(name).length, IS_WINDOWS ? 0 : 1);
    }),
);

Deno.test(
  "MmapRegion.named() throws NotFound if there is no such object",
  () =>
    withName((name) => {
      assertThrowsSystem(() => MmapRegion.named(name), Deno.errors.NotFound, "ENOENT", "shm_open");
      assertThrowsSystem(
        () => MmapRegion.unlink(name),
        Deno.errors.NotFound,
        "ENOENT",
        "shm_unlink",
      );
    }),
);

Deno.test(
  "MmapRegion.named() needs a byteLength for what it makes, and room in what is there",
  () =>
    withName((name) => {
      assertThrows(() => MmapRegion.named(name, { create: true }), RangeError, "byteLength");
      assertThrows(() => MmapRegion.named(name, { createNew: true }), RangeError, "byteLength");
      using _region = MmapRegion.named(name, createNew);
      assertThrows(() => MmapRegion.named(name, { byteLength: 2 * PAGE + 1 }), RangeError, "2");
      using part = MmapRegion.named(name, { byteLength: 10 });
      assertEquals(part.byteLength, 10);
    }),
);

Deno.test(
  "MmapRegion.named() refuses an object that another program left empty",
  () =>
    withName((name) => {
      makeForeign(name, 0);
      assertThrows(() => MmapRegion.named(name), RangeError, "empty");
      assertThrows(() => MmapRegion.named(name, create), RangeError);
      MmapRegion.unlink(name);
    }),
);

Deno.test(
  "MmapRegion.named() gives an object its mode, less the umask",
  namedList,
  () =>
    withName((name) => {
      for (
        const [mode, expected] of [[undefined, 0o600], [0o640, 0o640], [0o666, 0o666]] as const
      ) {
        using _region = MmapRegion.named(name, mode === undefined ? create : { ...create, mode });
        assertEquals(infoOf(name)?.mode, expected & ~Deno.umask());
      }
    }),
);

Deno.test("MmapRegion.named() maps with the access asked for", guard, () =>
  withName((name) => {
    using region = MmapRegion.named(name, create);
    region.bytes[0] = 1;
    using reader = MmapRegion.named(name, { access: "read" });
    reader.bytes[0] = 2; // absorbed
    assertEquals([reader.access, reader.faults, region.bytes[0]], ["read", 1, 1]);
    using copy = MmapRegion.named(name, { access: "copy-on-write" });
    copy.bytes[0] = 3;
    assertEquals([copy.sharing, copy.bytes[0], region.bytes[0]], ["private", 3, 1]);
  }));

Deno.test("MmapRegion.named() of another user is refused", {
  ignore: linux.ignore || Deno.uid() !== 0,
}, () =>
  withName(async (name) => {
    using _region = MmapRegion.named(name, create);
    const result = await resultOf(PROGRAM, { args: ["useAsNobody", name] });
    assertEquals(result, [
      ["PermissionDenied", "EACCES"],
      ["PermissionDenied", "EACCES"],
      ["PermissionDenied", "EPERM"], // the folder is sticky
      "done",
      0,
    ]);
    assertEquals(infoOf(name)?.owner, { pid: Deno.pid, alive: true });
  }));

Deno.test("only the creator's close() removes the name", () =>
  withName(async (name) => {
    const creator = MmapRegion.named(name, create);
    MmapRegion.named(name).close();
    MmapRegion.attach(creator.handle()).close();
    await resultOf(PROGRAM, { args: ["openTwice", name] });
    assertEquals(exists(name), true);
    creator.close();
    assertEquals(exists(name), false);
    creator.close();
  }));

Deno.test("unlinkOnClose says otherwise", () =>
  withName((name) => {
    MmapRegion.named(name, { ...create, unlinkOnClose: false }).close();
    assertEquals(exists(name), true);
    MmapRegion.named(name, { unlinkOnClose: true }).close();
    assertEquals(exists(name), false);
  }));

Deno.test("close() of a region whose name is gone is silent", () =>
  withName((name) => {
    const region = MmapRegion.named(name, create);
    MmapRegion.unlink(name);
    assertEquals([exists(name), ownerFilesOf(name)], [false, []]);
    region.bytes[0] = 1; // the memory lives on
    region.close();
  }));

Deno.test(
  "close() of a region whose name another program has removed is silent",
  () =>
    withName((name) => {
      const region = MmapRegion.named(name, create);
      removeForeign(name);
      region.close();
    }),
);

Deno.test(
  "close() of a creator's region leaves a newer object of that name alone",
  () =>
    withName((name) => {
      // On Windows, nobody but its creator can take a name away.
      for (const unlink of [MmapRegion.unlink, ...IS_WINDOWS ? [] : [removeForeign]]) {
        const first = MmapRegion.named(name, createNew);
        unlink(name);
        using second = MmapRegion.named(name, createNew);
        second.bytes[0] = 2;
        first.close();
        if (!namedList.ignore) {
          assertEquals(infoOf(name)?.owner, { pid: Deno.pid, alive: true });
        }
        using again = MmapRegion.named(name);
        assertEquals(again.bytes[0], 2);
      }
    }),
);

Deno.test(
  "a handle finds a named object after its name was removed, and after it was given again",
  otherDescriptors,
  () =>
    withName((name) => {
      using region = MmapRegion.named(name, createNew);
      region.bytes[0] = 7;
      const handle = region.handle();
      MmapRegion.unlink(name);
      const check = (): void => {
        using attached = MmapRegion.attach(handle);
        assertEquals([attached.kind, attached.name, attached.bytes[0]], ["named", name, 7]);
      };
      check();
      using _newer = MmapRegion.named(name, createNew);
      check();
    }),
);

Deno.test(
  "MmapRegion.list() describes each object, in the order of the names",
  namedList,
  () =>
    withName(async (name) => {
      using _region = MmapRegion.named(name, { createNew: true, byteLength: 100, mode: 0o600 });
      assertEquals(infoOf(name), {
        name,
        byteLength: 100,
        mode: 0o600,
        uid: Deno.uid() ?? 0,
        ours: true,
        owner: { pid: Deno.pid, alive: true },
      });
      const names = MmapRegion.list().map((info) => info.name);
      assertEquals(names, names.toSorted());
      if (IS_WINDOWS) return; // where names are this module's alone
      await withName((foreign) => {
        makeForeign(foreign, 3, 0o644);
        const mode = 0o644 & ~Deno.umask();
        const info = { name: foreign, byteLength: 3, mode, uid: Deno.uid()!, ours: false };
        // macOS knows what has a name, but has no list of it.
        assertEquals(infoOf(foreign), namedFolder.ignore ? undefined : info);
        const names = MmapRegion.list().map((info) => info.name);
        assertEquals(names, names.toSorted());
        assertEquals(names.filter((each) => each.startsWith(".mmap-owner.")), []);
        removeForeign(foreign);
      });
    }),
);
