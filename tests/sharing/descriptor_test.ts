/** Descriptors: those that a child inherits, those of /proc, and those that nobody is to have. */

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { linux } from "../_capabilities.ts";
import { compileC, hasProgram } from "../_gcc.ts";
import { resultOf } from "../_child.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { withName } from "./_names.ts";

const IS_WINDOWS = Deno.build.os === "windows";

const ATTACHING = new URL("_attaching.ts", import.meta.url);

const ROOT = new URL("../../", import.meta.url).pathname;

/** A program that writes 2 behind the 1 that it finds in descriptor 3. */
const USE_DESCRIPTOR_3 = ["run", "-A", "--quiet", `${ROOT}tests/sharing/_descriptor_3.ts`];

/** Starts a program with a file or memory as its descriptor 3. @returns its exit code */
function spawnWith(fd: number, command: string, args: string[]): Promise<number | null> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit", fd] });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

Deno.test("a child maps a descriptor that it inherited", linux, () =>
  withTempDir(async (dir) => {
    const makeRegions = [
      () => MmapRegion.anonymous(PAGE),
      () => MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" }),
    ];
    for (const make of makeRegions) {
      using region = make();
      region.bytes.set([1, 0]);
      // node:child_process passes on what node:fs has opened.
      const fd = openSync(`/proc/self/fd/${region.handle().fd}`, "r+");
      try {
        assertEquals(await spawnWith(fd, Deno.execPath(), USE_DESCRIPTOR_3), 0);
      } finally {
        closeSync(fd);
      }
      assertEquals(region.bytes[1], 2, region.kind);
    }
  }));

Deno.test("a child maps what a shell opened for it", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, Uint8Array.of(1, 0, 0, 0));
    const { success } = await new Deno.Command("/bin/sh", {
      args: [
        "-c",
        `exec 3<>"$0" && exec "$@"`,
        path,
        Deno.execPath(),
        ...USE_DESCRIPTOR_3,
      ],
      cwd: ROOT,
    }).output();
    assertEquals([success, Deno.readFileSync(path)], [true, Uint8Array.of(1, 2, 0, 0)]);
  }));

const C_PARENT = new URL("_parent.c", import.meta.url);

Deno.test("a child of a C program maps the descriptor that it inherited", {
  ignore: linux.ignore || !hasProgram("gcc"),
}, () =>
  withTempDir(async (dir) => {
    const program = `${dir}/parent`;
    await compileC(await Deno.readTextFile(C_PARENT), { args: ["-o", program] });
    const { stdout } = await new Deno.Command(program, {
      args: [Deno.execPath(), ...USE_DESCRIPTOR_3],
      cwd: ROOT,
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "0 2");
  }));

Deno.test(
  "MmapRegion.open() maps another process's descriptor by /proc/PID/fd",
  linux,
  async () => {
    using region = MmapRegion.anonymous(PAGE);
    region.bytes[0] = 1;
    const { pid, fd } = region.handle();
    const seen = await resultOf(ATTACHING, {
      args: ["fromPath", `/proc/${pid}/fd/${fd}`],
    });
    assertEquals([seen, region.bytes[1]], [[1, PAGE], 2]);
  },
);

/** What each region maps is known to its own handle alone, in a child that attaches to it. */
async function noHandleReachesChild(dir: string, name: string): Promise<void> {
  using file = MmapRegion.open(makeFile(dir, PAGE, name), { access: "read-write" });
  using memory = MmapRegion.anonymous(PAGE);
  using named = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
  using attached = MmapRegion.attach(memory.handle());
  // Without its path, a file is the very one that this process has opened.
  const handles = [file, memory, named, attached].map((region) => ({
    ...region.handle(),
    path: "",
  }));
  for (const env of [{}, memory.env()]) {
    const counts = await resultOf(ATTACHING, { args: ["countDescriptors", handles], env });
    assertEquals(counts, [1, 1, 1, 1]);
  }
}

Deno.test(
  "no region's descriptor reaches a child by itself",
  { ignore: linux.ignore && !IS_WINDOWS },
  () =>
    withTempDir((dir) =>
      withName(async (name) => {
        if (IS_WINDOWS) return await noHandleReachesChild(dir, name);
        using file = MmapRegion.open(makeFile(dir, PAGE, name), { access: "read-write" });
        using memory = MmapRegion.anonymous(PAGE, { label: name });
        using named = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
        using attached = MmapRegion.attach(memory.handle());
        using duplicated = MmapRegion.fromFd(file.handle().fd);
        const regions = [file, memory, named, attached, duplicated];
        const list = ["-c", "for fd in /proc/$$/fd/*; do readlink $fd; done"];
        for (const options of [{ args: list }, memory.shareWith({ args: list })]) {
          const { stdout } = await new Deno.Command("/bin/sh", options).output();
          const links = new TextDecoder().decode(stdout).split("\n");
          assertEquals(
            links.filter((link) => link.includes(name)),
            [],
            `${regions.length} regions`,
          );
          assertEquals(links.includes("/dev/null"), true); // it has listed what there is
        }
      })
    ),
);
