/** What a TARGET may be, and `mmap info`. */

import { assertEquals, assertMatch } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { mmap, mmapJson, mmapPrints } from "./_cli.ts";
import { HAS_PYTHON, uniqueName, withForeign, withPythonObject } from "./_objects.ts";

const LINUX = Deno.build.os === "linux";
const WINDOWS = Deno.build.os === "windows";
/** Windows knows no other. */
const MODE = WINDOWS ? 0o600 : 0o640;

onBothFileSystems("mmap info tells the facts of a file", async (dir) => {
  const path = makeFile(dir, 2 * PAGE + 1);
  const { dev, ino } = Deno.statSync(path);
  assertEquals(await mmapJson(["info", path]), {
    target: path,
    kind: "region",
    version: null,
    byteLength: 2 * PAGE + 1,
    mappedBy: LINUX || WINDOWS ? [] : null,
    locks: [],
    problems: [],
    asleep: LINUX || WINDOWS ? [] : null,
    searchedByteLength: 2 * PAGE,
    inside: [],
    memory: "file",
    path,
    byteOffset: 0,
    device: dev,
    inode: String(ino),
    pageSize: PAGE,
    pages: 3,
    residentPages: WINDOWS ? null : 3, // which tells a program about its own pages alone
  });
  const text = await mmapPrints(["info", path]);
  assertMatch(text, /^kind +region$/m);
  assertMatch(text, /^memory +file$/m);
  assertMatch(text, new RegExp(`^size +.* KiB \\(${2 * PAGE + 1} bytes\\)$`, "m"));
  assertMatch(text, new RegExp(`^inode +${ino} on device ${dev}$`, "m"));
  const resident = WINDOWS ? "" : ", 3 in memory";
  assertMatch(text, new RegExp(`^pages +3 of ${PAGE} bytes${resident}$`, "m"));
});

Deno.test("mmap info takes a relative path, which may begin like another target", () =>
  withTempDir(async (dir) => {
    makeFile(dir, 5, "shm:x");
    const { memory, byteLength } = await mmapJson(["info", "./shm:x"], { cwd: dir });
    assertEquals([memory, byteLength], ["file", 5]);
  }));

Deno.test("mmap info tells of an empty file that it has no bytes", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 0);
    assertEquals(await mmapJson(["info", path]), {
      target: path,
      kind: "region",
      version: null,
      byteLength: 0,
      mappedBy: null,
      locks: [],
      problems: [],
      memory: "file",
    });
    assertMatch(await mmapPrints(["info", path]), /^size +0 B \(0 bytes\)$/m);
  }));

Deno.test({
  name: "mmap info tells who owns named shared memory",
  ignore: !LINUX && !WINDOWS,
  fn: async () => {
    const name = uniqueName();
    using _region = MmapRegion.named(name, { createNew: true, byteLength: 100, mode: MODE });
    const target = `shm:${name}`;
    const { memory, byteLength, mode, ours, owner, path } = await mmapJson(["info", target]);
    assertEquals(
      { memory, byteLength, mode, ours, owner, path },
      {
        memory: "named",
        byteLength: 100,
        mode: MODE,
        ours: true,
        owner: { pid: Deno.pid, alive: true },
        path: undefined,
      },
    );
    const text = await mmapPrints(["info", `shm:/${name}`]);
    assertMatch(text, new RegExp(`^name +${name}$`, "m"));
    assertMatch(text, new RegExp(`^owner +${Deno.pid} alive$`, "m"));
    assertMatch(text, new RegExp(`^mode +0${MODE.toString(8)}$`, "m"));
  },
});

Deno.test({
  name: "mmap info tells of foreign shared memory that its owner is not known",
  ignore: !LINUX,
  fn: () =>
    withForeign(new Uint8Array(3), async (name) => {
      const { ours, owner, byteLength } = await mmapJson(["info", `shm:${name}`]);
      assertEquals([ours, owner, byteLength], [false, undefined, 3]);
      const text = await mmapPrints(["info", `shm:${name}`]);
      assertMatch(text, /^owner +-$/m);
    }),
});

Deno.test({
  name: "mmap info and mmap dump take shared memory that has no size yet",
  ignore: !LINUX,
  fn: () =>
    withForeign(new Uint8Array(0), async (name) => {
      const { memory, byteLength, ours } = await mmapJson(["info", `shm:${name}`]);
      assertEquals([memory, byteLength, ours], ["named", 0, false]);
      assertEquals(await mmapPrints(["dump", `shm:${name}`]), "");
    }),
});

Deno.test({
  name: "mmap takes the handle of anonymous memory",
  ignore: !LINUX && !WINDOWS,
  fn: async () => {
    using region = MmapRegion.anonymous(PAGE, { label: "secret" });
    region.bytes.set(new TextEncoder().encode("anonymous"));
    const handle = formatHandle(region.handle());
    const { memory, byteLength, path } = await mmapJson(["info", handle]);
    assertEquals([memory, byteLength, path], ["anonymous", PAGE, undefined]);
    const dump = await mmapPrints(["dump", handle, "--length", "9"]);
    assertMatch(dump, /\|anonymous\|/);
  },
});

Deno.test("mmap takes the handle of a part of a file", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, pattern(3 * PAGE));
    using region = MmapRegion.open(path, { byteOffset: PAGE + 1, byteLength: 20 });
    const handle = formatHandle(region.handle());
    const { byteLength, byteOffset } = await mmapJson(["info", handle]);
    assertEquals([byteLength, byteOffset], [20, PAGE + 1]);
    assertMatch(
      await mmapPrints(["info", handle]),
      new RegExp(`^offset .*\\(${PAGE + 1} bytes`, "m"),
    );
    const [row] = (await mmapPrints(["dump", handle])).split("\n");
    assertEquals(row!.slice(10, 12), region.bytes[0]!.toString(16).padStart(2, "0"));
  }));

Deno.test({
  name: "mmap dump reads shared memory that Python made",
  ignore: !HAS_PYTHON || !LINUX,
  fn: () =>
    withPythonObject(async (name) => {
      const dump = await mmapPrints(["dump", `shm:${name}`]);
      assertMatch(dump, /\|python\.{10}\|/);
      assertMatch(dump, /\n00002000\n$/);
    }),
});

type Failing = [target: string, line: RegExp];

/** What the system says that cannot map something; Windows says it in the user's language. */
const FAILING_IN_SYSTEM: Failing[] = WINDOWS
  ? [
    ["no-such-file", /^mmap: [^\n]+ \(os error 2\): CreateFileW 'no-such-file'\n$/],
    ["two\nlines", /^mmap: [^\n]+ \(os error 123\): CreateFileW 'two\\u000alines'\n$/],
    ["", /^mmap: [^\n]+ \(os error 3\): CreateFileW ''\n$/],
    [".", /^mmap: [^\n]+ \(os error 5\): CreateFileW '\.'\n$/],
    ["shm:no-such-object", /^mmap: [^\n]+ \(os error 2\): OpenFileMappingW 'no-such-object'\n$/],
  ]
  : [
    ["no-such-file", /^mmap: No such file or directory \(os error 2\): open 'no-such-file'\n$/],
    ["two\nlines", /^mmap: No such file or directory \(os error 2\): open 'two\\u000alines'\n$/],
    ["", /^mmap: No such file or directory \(os error 2\): open ''\n$/],
    [".", /^mmap: [^\n]+ \(os error \d+\): mmap '\.'\n$/],
    [
      "shm:no-such-object",
      /^mmap: No such file or directory \(os error 2\): [^\n]*no-such-object'\n$/,
    ],
  ];

/** What cannot be mapped, and the one line that says so. */
const FAILING: Failing[] = [
  ...FAILING_IN_SYSTEM,
  ["shm:a/b", /^mmap: Cannot use shared memory [^\n]*a\/b"\n$/],
  ["mmap:nonsense", /^mmap: [^\n]+\n$/],
];

for (const command of ["info", "dump", "residency"]) {
  for (const [target, line] of FAILING) {
    Deno.test(`mmap ${command} fails on ${JSON.stringify(target)} with one line`, () =>
      withTempDir(async (cwd) => {
        const { code, stdout, stderr } = await mmap([command, target], { cwd });
        assertEquals([code, stdout], [1, ""]);
        assertMatch(stderr, line);
      }));
  }
}

Deno.test("mmap honours --deny-read", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 10);
    const permissions = ["--allow-ffi", `--deny-read=${path}`];
    for (const command of ["info", "dump", "residency"]) {
      const { code, stdout, stderr } = await mmap([command, path], { permissions });
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, /^mmap: Requires read access[^\n]*\n$/);
    }
  }));
