/** Deno's permissions: --allow-ffi is enough for everything, and a denied path stays denied. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { MmapRegion, sendRegion } from "@mmap/mmap";
import { ignore } from "../_faults.ts";
import { system } from "../../src/os/mod.ts";
import { namedFolder } from "../_capabilities.ts";
import { makeFile, makeLink, withTempDir } from "../_files.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const PROGRAM = fromFileUrl(new URL("_permissions.ts", import.meta.url));

const isWindows = system().name === "windows";

/** A path that can stand in the text of a call as it is. */
function slashed(path: string): string {
  return isWindows ? path.replaceAll("\\", "/") : path;
}

/** A path as Windows itself has it, in the text of a call. */
function backslashed(path: string): string {
  return path.replaceAll("/", "\\\\");
}

/** What is there before the calls: a region of a file, a working directory, a file that is open. */
interface Before {
  opened?: string;
  cwd?: string;
  fd?: string;
}

/** What each call gives under exactly these permissions. */
async function results(
  permissions: string[],
  calls: string[],
  before: Before = {},
): Promise<string[]> {
  const start = ["run", "--no-prompt", "--quiet", `--config=${ROOT}deno.json`, ...permissions];
  const { stdout, stderr, code, signal } = await new Deno.Command(Deno.execPath(), {
    args: [...start, PROGRAM, JSON.stringify(before), ...calls],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals({ code, signal }, { code: 0, signal: null }, text.decode(stderr));
  return text.decode(stdout).trimEnd().split("\n");
}

Deno.test(
  "--allow-ffi alone is enough for all of mod.ts",
  { ignore },
  () =>
    withTempDir(async (given) => {
      const dir = slashed(given);
      const path = slashed(makeFile(dir, 10000));
      const name = `mmap_test_${crypto.randomUUID()}`;
      const calls = [
        `MmapRegion.open("${path}").bytes[0]`,
        `MmapRegion.open("${dir}/new", { access: "read-write", createNew: true, byteLength: 9 })`,
        `MmapRegion.open("${dir}/new", { access: "read-write", truncate: true, byteLength: 5 })`,
        `MmapRegion.open(new URL("file://${path}"), { access: "copy-on-write" })`,
        `{ region.bytes[0] = 1; region.flushSync(); return region.flush({ durability: "disk" }); }`,
        `region.resize(20000)`,
        `{ region.protect("read"); region.bytes[1] = 1; }`,
        `region.check()`, // a MappingFaultError
        `region.repair()`,
        `region.check()`,
        `region.populate()`,
        `{ region.lock({ byteLength: 1 }); region.unlock(); }`,
        `{ region.advise("random"); region.residency(); region.probe(); region.stats(); }`,
        `{ region.tryRead(new Uint8Array(9), 0); region.tryWrite(new Uint8Array(9), 0); }`,
        `{ region.discard({ byteLength: 100 }); region.refresh(); }`,
        ...isWindows ? [] : [`{ region.sharedBuffer(); region.wasmMemory(); }`],
        `MmapRegion.attach(formatHandle(region.handle()))`,
        ...isWindows ? [] : [`MmapRegion.fromFd(region.handle().fd)`],
        `MmapRegion.fromEnv("NOT_SET")`, // NotFound
        `MmapRegion.anonymous(10, { label: "x" })`,
        `MmapRegion.anonymous(10, { sharing: "private", label: "x" })`,
        `{ using named = MmapRegion.named("${name}", { createNew: true, byteLength: 8 });
         MmapRegion.list(); MmapRegion.unlink("${name}"); }`,
        `Promise.all([sendRegion(region, "${dir}/socket"),
         receiveRegion("${dir}/socket").then((received) => received.close())])`,
        `MmapRegion.guardState()`,
        `region.close()`,
      ].map((call) => call.startsWith("{") && call.endsWith("}") ? call : `{ return ${call}; }`);
      const lines = await results(["--allow-ffi"], calls, { opened: path });
      const expected = calls.map((call): string => call.includes("NOT_SET") ? "NotFound" : "done");
      expected[7] = "MappingFaultError";
      assertEquals(lines, expected, calls.map((call, i) => `${lines[i]} ${call}`).join("\n"));
    }),
);

Deno.test("without --allow-ffi the import works and every first call throws NotCapable", {
  ignore,
}, () =>
  withTempDir(async (dir) => {
    const path = slashed(makeFile(dir, 10));
    using region = MmapRegion.open(path);
    const handle = JSON.stringify(region.handle());
    const calls = [
      `MmapRegion.open("${path}")`,
      ...isWindows ? [] : [`MmapRegion.fromFd(0)`],
      `MmapRegion.anonymous(1)`,
      `MmapRegion.anonymous(1, { sharing: "private" })`,
      `MmapRegion.named("x")`,
      `MmapRegion.unlink("x")`,
      `MmapRegion.list()`,
      ...namedFolder.ignore ? [] : [`MmapRegion.reap()`],
      `MmapRegion.attach(${handle})`,
      `MmapRegion.fromEnv()`,
      `receiveRegion("/nowhere")`,
    ];
    assertEquals(await results([], calls), calls.map(() => "NotCapable"));
    assertEquals(await results(["-R", "-W", "-E"], calls), calls.map(() => "NotCapable"));
    assertEquals(await results([], [`MmapRegion.guardState()`]), ["done"]);
  }));

/** Every way to a denied file. `secret` is in `dir/denied`; the others lead there. */
function waysTo(dir: string, options: string): string[] {
  return [
    `MmapRegion.open("${dir}/denied/secret", ${options})`,
    `MmapRegion.open("${dir}/link", ${options})`,
    `MmapRegion.open("${dir}/folder/secret", ${options})`,
    `MmapRegion.open("${dir}/open/../denied/secret", ${options})`,
    `MmapRegion.open("${dir}//./denied///secret", ${options})`,
    `MmapRegion.open("denied/secret", ${options})`,
    `MmapRegion.open("./open/../denied/secret", ${options})`,
    `MmapRegion.open(new URL("file://${dir}/denied/secret"), ${options})`,
    `MmapRegion.open(new URL("file://${dir}/denied/%73ecret"), ${options})`,
    ...isWindows
      ? [
        `MmapRegion.open("\\\\\\\\?\\\\${backslashed(dir)}\\\\denied\\\\secret", ${options})`,
        `MmapRegion.open("${dir}/DENIED/SECRET", ${options})`,
      ]
      : [
        `MmapRegion.open("/proc/self/root${dir}/denied/secret", ${options})`,
        `MmapRegion.open("/proc/self/cwd/denied/secret", ${options})`,
        `MmapRegion.open("/proc/${Deno.pid}/fd/FD", ${options})`,
      ],
    `MmapRegion.attach(HANDLE, ${options})`,
    `MmapRegion.attach({ ...HANDLE, path: "${dir}/link" }, ${options})`,
    `MmapRegion.attach({ ...HANDLE, path: "" }, ${options})`,
    `MmapRegion.attach(formatHandle(HANDLE), ${options})`,
    `MmapRegion.open("${dir}/denied/gone (deleted)", ${options})`,
    `MmapRegion.open("${dir}/to gone", ${options})`,
  ];
}

/** A tree with a denied directory, this process holding the file in it. */
async function withSecret(
  body: (dir: string, fill: (call: string) => string, region: string) => Promise<void>,
): Promise<void> {
  await withTempDir(async (given) => {
    const dir = slashed(await Deno.realPath(given));
    for (const folder of ["denied", "open"]) await Deno.mkdir(`${dir}/${folder}`);
    const secret = makeFile(`${dir}/denied`, 5000, "secret");
    makeFile(`${dir}/denied`, 5000, "gone (deleted)");
    await makeLink(`${dir}/denied/secret`, `${dir}/link`);
    await makeLink(`${dir}/denied`, `${dir}/folder`, "dir");
    await makeLink(`${dir}/denied/gone (deleted)`, `${dir}/to gone`);
    makeFile(`${dir}/open`, 5000, "public");
    using region = MmapRegion.open(secret, { access: "read-write" });
    const handle = region.handle();
    const fill = (call: string): string =>
      call.replace("HANDLE", JSON.stringify(handle)).replace("FD", String(handle.fd));
    await body(dir, fill, JSON.stringify(handle));
  });
}

Deno.test(
  "a path of --deny-read cannot be mapped, whatever leads to it",
  { ignore },
  () =>
    withSecret(async (dir, fill) => {
      for (const options of ["{}", `{ access: "copy-on-write" }`, `{ access: "read-write" }`]) {
        const calls = waysTo(dir, options).map(fill);
        const denied = `--deny-read=${dir}/denied`;
        const cwd = `--allow-read=${dir}`; // for chdir alone
        const lines = await results(["--allow-ffi", cwd, denied], calls, { cwd: dir });
        assertEquals(
          lines,
          calls.map(() => "NotCapable"),
          calls.map((c, i) => lines[i] + c).join("\n"),
        );
        const open = [`MmapRegion.open("${dir}/open/public", ${options})`];
        assertEquals(await results(["--allow-ffi", denied], open), ["done"]);
        assertEquals(await results(["--allow-ffi", "--deny-read"], open), ["NotCapable"]);
      }
    }),
);

Deno.test(
  "a path of --deny-write cannot be mapped for writing, and can for reading",
  { ignore },
  () =>
    withSecret(async (dir, fill) => {
      const flags = ["--allow-ffi", `--allow-read=${dir}`, `--deny-write=${dir}/denied`];
      const writing = waysTo(dir, `{ access: "read-write" }`).map(fill);
      assertEquals(await results(flags, writing, { cwd: dir }), writing.map(() => "NotCapable"));
      const reading = waysTo(dir, `{ access: "read" }`).map(fill);
      assertEquals(await results(flags, reading, { cwd: dir }), reading.map(() => "done"));
    }),
);

Deno.test(
  "a denied directory gets no file, and what is in it stays as it is",
  { ignore },
  () =>
    withSecret(async (dir) => {
      const before = [...Deno.readDirSync(`${dir}/denied`)].map(({ name }) => name).sort();
      const changed = Deno.statSync(`${dir}/denied`).mtime!;
      // Linux's links are none for programs under Wine, and what they lead to is only seen once it is there.
      const links = isWindows
        ? {}
        : { dangling: `${dir}/denied/new`, relative: "denied/new", chain: "dangling" };
      for (const [name, target] of Object.entries(links)) {
        await makeLink(target, `${dir}/${name}`);
      }
      const make = (path: string, option: string): string =>
        `MmapRegion.open("${path}", { access: "read-write", byteLength: 9000, ${option}: true })`;
      const calls = ["create", "createNew", "truncate"].flatMap((option) => [
        make(`${dir}/denied/new`, option),
        make(`${dir}/folder/new`, option),
        make(`${dir}/open/../denied/new`, option),
        ...option === "createNew"
          ? []
          : [make(`${dir}/link`, option), make(`${dir}/denied/secret`, option)],
      ]).filter((call) => !(call.includes("truncate") && call.includes("/new")));
      calls.push(...Object.keys(links).map((name) => make(`${dir}/${name}`, "create")));
      const places = ["denied", "folder", "open/../denied", "folder/../denied"];
      for (const place of places) {
        calls.push(`sendRegion(MmapRegion.anonymous(9), "${dir}/${place}/socket")`);
      }
      const lines = await results(["--allow-ffi", `--deny-write=${dir}/denied`], calls);
      assertEquals(lines, calls.map(() => "NotCapable"));
      assertEquals([...Deno.readDirSync(`${dir}/denied`)].map(({ name }) => name).sort(), before);
      // Nothing was made and removed again either.
      assertEquals(Deno.statSync(`${dir}/denied`).mtime, changed);
      assertEquals(Deno.statSync(`${dir}/denied/secret`).size, 5000);
    }),
);

Deno.test("a denied file cannot be had by a descriptor, neither an own nor a given one", {
  ignore,
}, () =>
  withSecret(async (dir, fill, handle) => {
    const socket = `${dir}/open/socket`;
    using region = MmapRegion.open(`${dir}/denied/secret`, { access: "read-write" });
    const sent = sendRegion(region, socket);
    const flags = ["--allow-ffi", `--deny-read=${dir}/denied`, `--deny-write=${dir}/denied`];
    const byNumber = [
      `MmapRegion.fromFd(fd)`,
      `MmapRegion.fromFd(fd, { access: "read-write" })`,
      `MmapRegion.open("/proc/self/fd/" + fd)`,
      `MmapRegion.open("/dev/fd/" + fd)`,
      fill(`MmapRegion.attach({ ...${handle}, path: "/proc/self/fd/" + fd })`),
    ];
    const calls = [...isWindows ? [] : byNumber, `receiveRegion("${socket}")`];
    const before = isWindows ? {} : { fd: `${dir}/denied/secret` };
    const lines = await results(flags, calls, before);
    await sent;
    assertEquals(lines, calls.map(() => "NotCapable"));
  }));

Deno.test(
  "a denied file stays denied if its name looks like that of a removed one",
  { ignore },
  () =>
    withSecret(async (dir) => {
      const path = `${dir}/denied/gone (deleted)`;
      const calls = [`MmapRegion.open("${path}")`, `MmapRegion.open("${dir}/to gone")`];
      const lines = await results(["--allow-ffi", `--deny-read=${path}`], calls);
      assertEquals(lines, ["NotCapable", "NotCapable"]);
    }),
);

Deno.test(
  "a denied file stays denied once it is removed",
  { ignore },
  () =>
    withSecret(async (dir, fill) => {
      await Deno.remove(`${dir}/denied/secret`);
      const call = fill(`MmapRegion.attach(HANDLE)`);
      assertEquals(await results(["--allow-ffi"], [call]), ["done"]);
      assertEquals(await results(["--allow-ffi", `--deny-read=${dir}/denied`], [call]), [
        "NotCapable",
      ]);
    }),
);

Deno.test("a denied /dev/shm has no named memory", { ignore }, async () => {
  const name = `mmap_test_${crypto.randomUUID()}`;
  using region = MmapRegion.named(name, { createNew: true, byteLength: 4096 });
  const handle = JSON.stringify(region.handle());
  const calls = [
    `MmapRegion.named("${name}")`,
    `MmapRegion.named("${name}-new", { createNew: true, byteLength: 9 })`,
    `MmapRegion.attach(${handle})`,
    `MmapRegion.unlink("${name}")`,
    `MmapRegion.open("/dev/shm/${name}", { access: "read-write" })`,
  ];
  const reading = [`MmapRegion.named("${name}", { access: "read" })`, `MmapRegion.list()`];
  for (const permission of ["read", "write"]) {
    const flags = ["--allow-ffi", `--deny-${permission}=/dev/shm`];
    assertEquals(await results(flags, calls), calls.map(() => "NotCapable"), permission);
    const expected = permission === "read" ? "NotCapable" : "done";
    assertEquals(await results(flags, reading), [expected, expected]);
  }
  assertEquals(region.bytes.length, 4096);
  assertEquals(MmapRegion.list().filter((info) => info.name.startsWith(name)).length, 1);
});
