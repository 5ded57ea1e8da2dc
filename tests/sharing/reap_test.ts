/**
 * What dead creators leave behind. `reap` acts on the whole system, so that all tests that have
 * something to be reaped stand here: those of one file run one after the other.
 */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { namedFolder, namedList } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { system } from "../../src/os/mod.ts";
import {
  exists,
  forge,
  infoOf,
  makeForeign,
  ownerFilesOf,
  removeForeign,
  withName,
} from "./_names.ts";

const { processes } = system();
const boot = processes.boot();
const { startTime } = processes.own();

/** There, a name goes with its creator. */
const IS_WINDOWS = Deno.build.os === "windows";

const PROGRAM = new URL("_children.ts", import.meta.url);

/** A child that makes an object and waits. */
async function creatorOf(name: string): Promise<Child> {
  const child = new Child(PROGRAM, { args: ["create", name] });
  assertEquals(await child.readLine(), "made");
  return child;
}

/** Leaves the object of a creator that was killed behind. @returns its pid */
async function orphan(name: string): Promise<number> {
  await using child = await creatorOf(name);
  child.kill("SIGKILL");
  await child.ended();
  return child.pid;
}

function reaps(name: string): boolean {
  return MmapRegion.reap().includes(name);
}

Deno.test(
  "MmapRegion.reap() removes what a killed creator left, and says so",
  namedList,
  () =>
    withName(async (name) => {
      const pid = await orphan(name);
      assertEquals(infoOf(name)?.owner, IS_WINDOWS ? undefined : { pid, alive: false });
      assertEquals([reaps(name), exists(name), ownerFilesOf(name)], [!IS_WINDOWS, false, []]);
      assertEquals(reaps(name), false);
    }),
);

Deno.test(
  "a creator that ends in order leaves nothing to be reaped",
  namedList,
  () =>
    withName(async (name) => {
      await using child = await creatorOf(name);
      assertEquals(infoOf(name)?.owner, { pid: child.pid, alive: true });
      assertEquals([reaps(name), exists(name)], [false, true]);
      assertEquals((await child.ended()).success, true);
      assertEquals(exists(name), false);
    }),
);

Deno.test(
  "a killed creator's memory stays with who maps it, also when its name is reaped",
  namedList,
  () =>
    withName(async (name) => {
      await using child = await creatorOf(name);
      using before = MmapRegion.named(name);
      child.kill("SIGKILL");
      await child.ended();
      using region = IS_WINDOWS ? MmapRegion.attach(before.handle()) : MmapRegion.named(name);
      assertEquals([reaps(name), region.bytes[0], before.bytes[0]], [!IS_WINDOWS, 7, 7]);
      using newer = MmapRegion.named(name, { createNew: true, byteLength: 100 });
      assertEquals(newer.bytes[0], 0);
      assertEquals(reaps(name), false);
    }),
);

Deno.test(
  "MmapRegion.reap() takes no other process of the number for the owner",
  namedList,
  () =>
    withName((name) => {
      forge(name, `${Deno.pid} ${startTime + 1} ${boot}`);
      assertEquals(infoOf(name)?.owner, { pid: Deno.pid, alive: false });
      assertEquals([reaps(name), exists(name), ownerFilesOf(name)], [true, false, []]);
    }),
);

Deno.test(
  "MmapRegion.reap() takes no process of another boot for the owner",
  namedList,
  () =>
    withName((name) => {
      forge(name, `${Deno.pid} ${startTime} ${crypto.randomUUID()}`);
      assertEquals([reaps(name), exists(name)], [true, false]);
    }),
);

Deno.test(
  "MmapRegion.reap() leaves an object as long as one of its owners is alive",
  namedList,
  () =>
    withName((name) => {
      const dead = `${Deno.pid} 1 ${boot}`;
      forge(name, `${dead}\n${name}\n${Deno.pid} ${startTime} ${boot}`);
      assertEquals(infoOf(name)?.owner, { pid: Deno.pid, alive: true });
      assertEquals([reaps(name), exists(name)], [false, true]);
      MmapRegion.unlink(name);
    }),
);

Deno.test(
  "MmapRegion.reap() never touches what other programs made",
  namedList,
  () =>
    withName((name) => {
      makeForeign(name, 10);
      assertEquals([reaps(name), exists(name)], [false, true]);
      MmapRegion.named(name).close(); // used, but not made
      assertEquals([reaps(name), exists(name)], [false, true]);
      removeForeign(name);
    }),
);

Deno.test("MmapRegion.reap() believes no owner file of another user", {
  ignore: namedFolder.ignore || Deno.uid() !== 0,
}, () =>
  withName((name) => {
    forge(name, `${Deno.pid} 1 ${boot}`);
    const [file] = ownerFilesOf(name);
    Deno.chownSync(file!, 65534, 65534);
    assertEquals(infoOf(name)?.ours, false);
    assertEquals([reaps(name), exists(name)], [false, true]);
    Deno.chownSync(file!, 0, 0);
    assertEquals([reaps(name), exists(name)], [true, false]);
  }));

Deno.test(
  "MmapRegion.reap() does not believe an owner file of another name",
  namedFolder,
  () =>
    withName(async (name) => {
      await withName((other) => {
        forge(name, `${Deno.pid} 1 ${boot}`);
        const [file] = ownerFilesOf(name);
        Deno.writeTextFileSync(file!, `${other}\n${Deno.pid} 1 ${boot}\n`);
        assertEquals(infoOf(name)?.ours, false);
        assertEquals([reaps(name), exists(name)], [false, true]);
        removeForeign(name);
      });
    }),
);

Deno.test(
  "MmapRegion.reap() leaves a newer object that took over the name",
  namedList,
  () =>
    withName(async (name) => {
      await orphan(name);
      removeForeign(name); // another program's doing: the owner file stays
      assertEquals(ownerFilesOf(name).length, 1);
      using _newer = MmapRegion.named(name, { createNew: true, byteLength: 10 });
      assertEquals([reaps(name), exists(name), ownerFilesOf(name).length], [false, true, 1]);
    }),
);

Deno.test(
  "MmapRegion.reap() removes owner files whose object is gone",
  namedList,
  () =>
    withName(async (name) => {
      await orphan(name);
      removeForeign(name);
      assertEquals([reaps(name), ownerFilesOf(name)], [false, []]);
    }),
);
