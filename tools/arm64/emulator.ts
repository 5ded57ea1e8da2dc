/**
 * Runs an arm64 Deno on another machine. The programs that are needed are fetched once and kept in
 * a cache folder.
 */

import { isThere, run } from "../_run.ts";

/** The newest version with an arm64 build on npm. */
const DENO = "@deno/linux-arm64-glibc@2.9.5";

/** Its libraries, which come with the compiler. */
const SYSROOT = "/usr/aarch64-linux-gnu";

const COMPILER = "aarch64-linux-gnu-gcc";
const EMULATOR = "qemu-aarch64-static";

/** How to start it. */
export interface EmulatedDeno {
  /** A program that takes the arguments of `deno`. */
  readonly program: string;
  /** What it needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Fetches what is missing. @throws {Error} If that fails; the message says what to install. */
export async function prepareDeno(): Promise<EmulatedDeno> {
  const cache = cacheFolder();
  await Deno.mkdir(cache, { recursive: true });
  if (!await isThere(`${cache}/package/deno`)) await fetchDeno(cache);
  const emulator = await findEmulator(cache);
  const library = await compilePreload(cache);
  const program = `${cache}/deno`;
  await writeScript(program, startScript({ cache, emulator, library, program }));
  await Deno.mkdir(`${cache}/bin`, { recursive: true });
  await writeScript(`${cache}/bin/gcc`, await compilerScript(cache));
  const path = `${cache}/bin:${Deno.env.get("PATH")}`;
  // A DENO_DIR of its own, since compiled code is kept there.
  return { program, env: { DENO_DIR: `${cache}/deno_dir`, PATH: path } };
}

function writeScript(path: string, command: string): Promise<void> {
  const text = `#!/bin/sh\n${command}\n`;
  return renew(path, (path) => Deno.writeTextFile(path, text, { mode: 0o755 }));
}

/** Replaces a file that another run may be using. */
async function renew(path: string, write: (path: string) => Promise<unknown>): Promise<void> {
  const fresh = `${path}.${Deno.pid}`;
  await write(fresh);
  await Deno.rename(fresh, path);
}

function cacheFolder(): string {
  const home = Deno.env.get("HOME");
  const caches = Deno.env.get("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
  if (!caches) throw new Error("Cannot find a cache folder: HOME is not set");
  return `${caches}/mmap-arm64`;
}

async function fetchDeno(cache: string): Promise<void> {
  const archive = await run("npm", ["pack", "--silent", DENO], cache);
  await run("tar", ["-xzf", archive], cache);
  await Deno.remove(`${cache}/${archive}`);
}

/** The installed emulator, or a private copy, which needs no root. */
async function findEmulator(cache: string): Promise<string> {
  const own = `${cache}/usr/bin/${EMULATOR}`;
  if (await isThere(own)) return own;
  const installed = await find(EMULATOR, cache);
  if (installed !== "") return installed;
  await run("apt-get", ["download", "qemu-user-static"], cache);
  await run("sh", ["-c", "dpkg -x qemu-user-static_*.deb . && rm qemu-user-static_*.deb"], cache);
  if (await isThere(own)) return own;
  throw new Error(`Cannot find ${EMULATOR}: the package qemu-user-static does not hold it here`);
}

/** @returns the path of the library that corrects what the emulator tells */
async function compilePreload(cache: string): Promise<string> {
  const source = new URL("corrections.c", import.meta.url).pathname;
  const library = `${cache}/corrections.so`;
  try {
    await renew(
      library,
      (path) => run(COMPILER, ["-O2", "-shared", "-fPIC", "-o", path, source], cache),
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const packages = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross";
    throw new Error(`Cannot find ${COMPILER}: apt-get install ${packages}`);
  }
  return library;
}

function startScript(paths: Record<"cache" | "emulator" | "library" | "program", string>): string {
  const { cache, emulator, library, program } = paths;
  const preload = `-E LD_PRELOAD="${library}" -E MMAP_ARM64_PROGRAM="${program}"`;
  return `exec "${emulator}" -L ${SYSROOT} ${preload} "${cache}/package/deno" "$@"`;
}

/**
 * A `gcc` that builds libraries for arm64, since the emulated Deno loads them, and programs for this
 * machine, since its kernel starts them.
 */
async function compilerScript(cache: string): Promise<string> {
  const compiler = await find("gcc", cache);
  return `case " $* " in\n*" -shared "*) exec ${COMPILER} "$@" ;;\nesac\nexec "${compiler}" "$@"`;
}

/** The path of a program; empty if it is not installed. */
function find(program: string, cwd: string): Promise<string> {
  return run("sh", ["-c", `command -v ${program} || true`], cwd);
}
