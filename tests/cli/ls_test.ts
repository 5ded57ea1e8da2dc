/** `mmap ls` and `mmap rm`: objects of this module, of other software, and none at all. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { MmapRegion, type SharedMemoryInfo } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { mmap, mmapJson, mmapPrints, runCommand } from "./_cli.ts";
import { HAS_PYTHON, uniqueName, withForeign, withPythonObject } from "./_objects.ts";
import { CAN_BE_PRIVATE, PrivateShm } from "./_private_shm.ts";

const WITHOUT_OBJECTS = fromFileUrl(new URL("_without_objects.ts", import.meta.url));
const WINDOWS = Deno.build.os === "windows";
/** Where other software makes such objects as files. */
const ignore = Deno.build.os !== "linux";
/** Where this module's own can be listed. */
const listing = { ignore: ignore && !WINDOWS };

/** An object, and what lies in it. */
type Listed = SharedMemoryInfo & { kind: string | null };

/** What `mmap ls --json` says of one object. */
async function listed(name: string): Promise<Listed | undefined> {
  const objects: Listed[] = await mmapJson(["ls"]);
  return objects.find((object) => object.name === name);
}

/** The line of `mmap ls` about one object, its columns. */
async function lineOf(name: string): Promise<string[] | undefined> {
  const lines = (await mmapPrints(["ls"])).split("\n");
  assertMatch(lines[0]!, /^NAME +KIND +SIZE +MODE +UID +OURS +OWNER$/);
  return lines.find((line) => line.startsWith(`${name} `))?.split(/ {2,}/);
}

Deno.test({
  name: "mmap ls shows an object of this module with its owner",
  ...listing,
  fn: async () => {
    const name = uniqueName();
    const mode = WINDOWS ? 0o600 : 0o640; // which has no other
    using _region = MmapRegion.named(name, { createNew: true, byteLength: 1536, mode });
    const uid = Deno.uid() ?? 0;
    assertEquals(await listed(name), {
      name,
      byteLength: 1536,
      mode,
      uid,
      ours: true,
      owner: { pid: Deno.pid, alive: true },
      kind: "region",
    });
    assertEquals(await lineOf(name), [
      name,
      "region",
      "1.5 KiB",
      `0${mode.toString(8)}`,
      String(uid),
      "yes",
      `${Deno.pid} alive`,
    ]);
  },
});

Deno.test({
  name: "mmap ls shows what lies in an object",
  ...listing,
  fn: async () => {
    const name = uniqueName();
    using _channel = Channel.create({ capacity: 4096, name });
    assertEquals((await listed(name))?.kind, "channel");
    assertEquals((await lineOf(name))?.[1], "channel");
  },
});

Deno.test({
  name: "mmap ls shows a plain file in /dev/shm as foreign",
  ignore,
  fn: () =>
    withForeign(new Uint8Array(100), async (name) => {
      const info = await listed(name);
      assertEquals([info?.byteLength, info?.ours, info?.owner], [100, false, undefined]);
      assertEquals((await lineOf(name))?.slice(-2), ["no", "-"]);
    }),
});

Deno.test({
  name: "mmap ls shows what Python made as foreign",
  ignore: ignore || !HAS_PYTHON,
  fn: () =>
    withPythonObject(async (name) => {
      const info = await listed(name);
      assertEquals([info?.byteLength, info?.ours, info?.mode], [8192, false, 0o600]);
    }),
});

Deno.test({
  name: "mmap ls keeps a name with control characters on one line",
  ...listing,
  fn: async () => {
    const name = uniqueName();
    using _region = MmapRegion.named(`${name}\n\x1b[31m`, { createNew: true, byteLength: 1 });
    const text = await mmapPrints(["ls"]);
    assertStringIncludes(text, `${name}\\u000a\\u001b[31m `);
    assertEquals((await listed(`${name}\n\x1b[31m`))?.byteLength, 1);
  },
});

Deno.test({
  name: "mmap ls says so if there is nothing",
  ignore: !CAN_BE_PRIVATE && !WINDOWS,
  fn: async () => {
    if (WINDOWS) return await listsNothing();
    await using shm = await PrivateShm.make();
    assertEquals(await mmapPrints(["ls"], shm.options), "no shared memory\n");
    assertEquals(await mmapJson(["ls"], shm.options), []);
  },
});

/** All tests have one list there, so this one's program is given an empty one. */
async function listsNothing(): Promise<void> {
  const ls = [Deno.execPath(), "run", "--quiet", "--allow-ffi", WITHOUT_OBJECTS, "ls"];
  const ok = { code: 0, stderr: "" };
  assertEquals(await runCommand(ls), { ...ok, stdout: "no shared memory\n" });
  assertEquals(await runCommand([...ls, "--json"]), { ...ok, stdout: "[]\n" });
}

Deno.test({
  name: "mmap rm removes objects whoever made them, and is silent",
  ...listing,
  fn: () =>
    withForeign(new Uint8Array(1), async (foreign) => {
      const name = uniqueName();
      using region = MmapRegion.named(name, { createNew: true, byteLength: 1 });
      assertEquals(await mmapPrints(["rm", name, `/${foreign}`]), "");
      assertEquals([await listed(name), await listed(foreign)], [undefined, undefined]);
      region.bytes[0] = 1; // it stays with those who map it
    }),
});

Deno.test({
  name: "mmap rm --json lists what was removed; what fails does not keep others",
  ...listing,
  fn: () =>
    withForeign(new Uint8Array(1), async (foreign) => {
      const missing = uniqueName();
      const { code, stdout, stderr } = await mmap(["rm", "--json", missing, foreign, "a/b"]);
      assertEquals([code, JSON.parse(stdout)], [1, WINDOWS ? [] : [foreign]]);
      assertMatch(
        stderr,
        new RegExp(
          (WINDOWS ? "^mmap: [^\n]+ " : "^mmap: No such file or directory ") +
            `\\(os error 2\\): \\w+ '.*${missing}'\n` +
            (WINDOWS ? `mmap: Cannot unlink shared memory "${foreign}" on Windows[^\n]*\n` : "") +
            `mmap: Cannot use shared memory [^\n]*\n$`,
        ),
      );
      assertEquals((await listed(foreign))?.name, WINDOWS ? foreign : undefined);
    }),
});

Deno.test({
  name: "mmap rm takes a name that looks like an option",
  ...listing,
  fn: async () => {
    const name = `--${uniqueName()}`;
    using _region = MmapRegion.named(name, { createNew: true, byteLength: 1 });
    assertEquals((await mmap(["rm", name])).code, 2);
    assertEquals((await listed(name))?.byteLength, 1);
    if (WINDOWS) return await refusesToRemove(name);
    assertEquals(await mmapPrints(["rm", "--json", "--", name]), `["${name}"]\n`);
    assertEquals(await listed(name), undefined);
  },
});

/** A name goes with its creator there. */
async function refusesToRemove(name: string): Promise<void> {
  assertEquals(await mmap(["rm", "--json", "--", name]), {
    code: 1,
    stdout: "[]\n",
    stderr: `mmap: Cannot unlink shared memory "${name}" on Windows: ` +
      "its name goes when its creator closes it\n",
  });
  assertEquals((await listed(name))?.byteLength, 1);
}
