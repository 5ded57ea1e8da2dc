/**
 * A Deno for Windows that runs under Wine, in a Debian of its own. That is made once and kept in a
 * cache folder (2 GB); each run works in a layer above it, which is gone with the run.
 *
 * Everything here needs root, and a mount and PID namespace of its own (`inNamespace`): so nothing
 * stays mounted, and no process is left behind.
 */

import { isThere, run } from "../_run.ts";
import { serveHost } from "./host.ts";

/** The same version as the Deno that runs this, so that both have the same engine. */
const DENO = `@deno/win32-x64@${Deno.version.deno}`;

/** The release whose Wine is 10. */
const RELEASE = "trixie";

const WINE_ENVIRONMENT = [
  "PATH=/usr/bin:/bin",
  "HOME=/root",
  "WINEPREFIX=/root/.wine",
  "WINEDEBUG=-all",
  // No .NET, no browser, and no debugger at a crash.
  "WINEDLLOVERRIDES=mscoree,mshtml,winedbg.exe=",
  "XDG_RUNTIME_DIR=/tmp",
  "LC_ALL=C.UTF-8",
  "DENO_DIR=Z:\\denodir",
  "DENO_NO_UPDATE_CHECK=1",
  // Otherwise each Deno that starts beside another one leaves a copy of node.exe.
  "DENO_DISABLE_NODE_SHIM=1",
  "NO_COLOR=1",
].join(" ");

/** Starts this program again, in namespaces of its own. @returns its exit code; undefined in them */
export async function inNamespace(main: string): Promise<number | undefined> {
  if (Deno.args[0] === INSIDE) return undefined;
  const { code } = await new Deno.Command("setpriv", {
    args: [
      ...["--pdeathsig", "KILL", "unshare"], // which ends with this program, however that ends
      ...["--mount", "--propagation=private", "--pid", "--fork", "--mount-proc", "--kill-child"],
      ...[Deno.execPath(), "run", "-A", main, INSIDE, ...Deno.args],
    ],
  }).spawn().status;
  return code;
}

const INSIDE = "--inside";

/** The arguments of the program, in the namespaces and outside. */
export function argumentsInside(): string[] {
  return Deno.args[0] === INSIDE ? Deno.args.slice(1) : Deno.args;
}

/** A Deno for Windows; this system runs programs for it until this is disposed of. */
export interface Wine extends AsyncDisposable {
  /** Takes the arguments of `deno`. */
  readonly program: string;
}

/**
 * Makes what is missing, and mounts it.
 *
 * @param number tells apart those that are there at once, which know nothing of each other
 */
export async function startWine(number = 0): Promise<Wine> {
  const cache = cacheFolder();
  await Deno.mkdir(`${cache}/denodir`, { recursive: true });
  const debian = `${cache}/debian`;
  if (!await isThere(debian)) await makeDebian(`${cache}/debian.new`, debian);
  const program = `${debian}/opt/deno/${Deno.version.deno}/deno.exe`;
  if (!await isThere(program)) await fetchDeno(program);
  if (!await succeeds(COMPILER, ["--version"])) await installCompiler();
  return await mountLayer(debian, cache, number);
}

/** Of C programs for Windows: see `tests/_gcc.ts`. */
const COMPILER = "x86_64-w64-mingw32-gcc";

async function installCompiler(): Promise<void> {
  const args = ["install", "-y", "--no-install-recommends", "gcc-mingw-w64-x86-64-win32"];
  if (await succeeds("apt-get", args)) return;
  await run("apt-get", ["update"]);
  await run("apt-get", args);
}

async function makeDebian(unfinished: string, finished: string): Promise<void> {
  console.log(`Making a Debian with Wine in ${finished}; this takes some minutes`);
  await run("rm", ["-rf", "--one-file-system", unfinished]);
  if (!await succeeds("debootstrap", ["--version"])) {
    await run("apt-get", ["update"]);
    await run("apt-get", ["install", "-y", "debootstrap", "debian-archive-keyring"]);
  }
  await run("debootstrap", ["--variant=minbase", RELEASE, unfinished, await mirror()]);
  const inside = (...args: string[]): Promise<string> => run("chroot", [unfinished, ...args]);
  await mountSystem(unfinished);
  await inside("apt-get", "install", "-y", "--no-install-recommends", "wine", "wine64");
  await inside("apt-get", "clean");
  await inside("env", "-i", ...WINE_ENVIRONMENT.split(" "), "wineboot", "--init");
  await inside("env", "-i", ...WINE_ENVIRONMENT.split(" "), "wineserver", "--wait");
  await run("umount", ["--recursive", `${unfinished}/proc`, `${unfinished}/dev`]);
  await Deno.rename(unfinished, finished);
}

/** The mirror that apt uses here. */
async function mirror(): Promise<string> {
  const sources = await run("sh", [
    "-c",
    "cat /etc/apt/sources.list /etc/apt/sources.list.d/* || :",
  ]);
  const found = /^URIs: *(\S+)/m.exec(sources) ?? /^deb +(?:\[.*\] *)?(\S+)/m.exec(sources);
  return found?.[1] ?? "http://deb.debian.org/debian";
}

async function fetchDeno(program: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mmap_deno_" });
  try {
    const archive = await run("npm", ["pack", "--silent", DENO], folder);
    await run("tar", ["-xzf", archive, "package/deno.exe"], folder);
    const target = program.slice(0, program.lastIndexOf("/"));
    await Deno.mkdir(target, { recursive: true });
    await run("cp", [`${folder}/package/deno.exe`, `${program}.new`]);
    await Deno.rename(`${program}.new`, program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function mountSystem(root: string): Promise<void> {
  await run("mount", ["-t", "proc", "proc", `${root}/proc`]);
  await run("mount", ["--rbind", "/dev", `${root}/dev`]);
  await run("mount", ["-t", "tmpfs", "tmpfs", `${root}/dev/shm`]);
}

/** Mounts a layer of memory above the Debian, and this project and what it imports into that. */
async function mountLayer(debian: string, cache: string, number: number): Promise<Wine> {
  const layer = `${cache}/layer.${number}`;
  await Deno.mkdir(layer, { recursive: true });
  await run("mount", ["-t", "tmpfs", "-o", "size=75%", "tmpfs", layer]);
  const [root, upper, work] = ["root", "upper", "work"].map((name) => `${layer}/${name}`);
  for (const path of [root!, upper!, work!]) await Deno.mkdir(path);
  await overlay(debian, upper!, work!, root!);
  await mountSystem(root!);
  await Deno.writeTextFile(`${root}/etc/hosts`, "127.0.0.1 localhost\n");
  const source = `${root}/src`;
  for (const path of ["src.upper", "src.work"]) await Deno.mkdir(`${layer}/${path}`);
  await Deno.mkdir(source);
  await overlay(Deno.cwd(), `${layer}/src.upper`, `${layer}/src.work`, source);
  await Deno.writeTextFile(`${layer}/deno.lock`, await lockFile());
  await run("mount", ["--bind", `${layer}/deno.lock`, `${root}/src/deno.lock`]);
  await bind(await denoFolder(cache, layer, number), `${root}/denodir`);
  await bind(await npmFolder(), `${root}/denodir/npm`);
  const host = serveHost({ C: `${root}/root/.wine/drive_c`, Z: root! });
  const program = `${layer}/deno`;
  const inside = `cd /src && exec wine /opt/deno/${Deno.version.deno}/deno.exe "$@"`;
  const environment = WINE_ENVIRONMENT.replaceAll("\\", "\\\\");
  const patience = 'MMAP_TEST_PATIENCE="${MMAP_TEST_PATIENCE:-1}"';
  const command =
    `exec chroot ${root} env -i ${environment} MMAP_HOST=${host.url} ${patience} sh -c '${inside}' deno "$@"`;
  await Deno.writeTextFile(program, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  const server = ["env", "-i", ...WINE_ENVIRONMENT.split(" "), "wineserver", "--persistent"];
  await start("chroot", [root!, ...server]);
  await start(program, ["--version"]);
  return { program, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
}

/** What Deno keeps from run to run. It has databases, whose locks are seen within one Wine alone. */
async function denoFolder(cache: string, layer: string, number: number): Promise<string> {
  const kept = `${cache}/denodir`;
  if (number === 0) return kept;
  const copy = `${layer}/denodir`;
  await run("cp", ["-a", kept, copy]);
  return copy;
}

/** The lock file without Deno as a package: who has that there would fetch the one for Windows. */
async function lockFile(): Promise<string> {
  const lock = JSON.parse(await Deno.readTextFile("deno.lock"));
  const without = (all: Record<string, unknown> | undefined): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(all ?? {}).filter(([name]) => !/^(npm:)?@?deno[@/]/.test(name)),
    );
  return JSON.stringify({
    ...lock,
    specifiers: without(lock.specifiers),
    npm: without(lock.npm),
  });
}

/** Mounts a folder so that what is written to it is gone with the run. */
async function overlay(lower: string, upper: string, work: string, at: string): Promise<void> {
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  await run("mount", ["-t", "overlay", "-o", layers, "overlay", at]);
}

async function bind(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  await run("mount", ["--rbind", from, to]);
}

/** Where Deno keeps the packages that the tests import. */
async function npmFolder(): Promise<string> {
  await run(Deno.execPath(), ["cache", "--no-check", ...IMPORTED]);
  const info = JSON.parse(await run(Deno.execPath(), ["info", "--json"]));
  return info.npmCache;
}

const IMPORTED = ["npm:deno-std@1.4.0", "npm:pure-rand@8.4.2"];

function cacheFolder(): string {
  const home = Deno.env.get("HOME");
  const caches = Deno.env.get("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
  if (!caches) throw new Error("Cannot find a cache folder: HOME is not set");
  return `${caches}/mmap-wine`;
}

/** Starts what stays until the end, and must not keep the pipes of a test. */
async function start(program: string, args: string[]): Promise<void> {
  const none = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const { success } = await new Deno.Command(program, { args, ...none }).spawn().status;
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
}

async function succeeds(program: string, args: string[]): Promise<boolean> {
  try {
    await run(program, args);
    return true;
  } catch {
    return false;
  }
}
