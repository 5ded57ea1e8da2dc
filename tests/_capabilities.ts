/**
 * What this system can do, as its object in `src/os` says, and what tests can look at. Each is options
 * for a test: it is ignored where that is not there.
 */

import { guardTable } from "../ffi/guard/guard.ts";
import { system } from "../src/os/mod.ts";
import { HAS_PROC, SHOWS_HOLDINGS } from "./_process.ts";

/** Options of a test that needs something. */
export interface Need {
  readonly ignore: boolean;
}

function needs(isThere: boolean): Need {
  return { ignore: !isThere };
}

const { memory, name, named, objects, tokens, waiting } = system();

/** Faults in mapped memory are absorbed. */
export const guard: Need = needs(guardTable() !== undefined);

/** The names of shared memory are on a list. */
export const namedList: Need = needs(named.list !== undefined);

/** They are files in a folder, where other programs make and remove them. */
export const namedFolder: Need = needs(named.directory !== undefined);

/** A handle leads to what another process has open, whatever became of its name. */
export const otherDescriptors: Need = needs(objects.openOfProcess !== undefined);

/** Buffers tell when their last holder is gone (`ffi/store`). */
export const lending: Need = needs(name === "linux");

/** A region's memory can be a SharedArrayBuffer and a WebAssembly.Memory. */
export const sharedBuffers: Need = needs(memory.checkOverlays === undefined);

/** Shared memory can be full, and is reserved so that this is an error at the start. */
export const memoryLimit: Need = needs(name === "linux");

/** Locks of files tell who lives. */
export const liveTokens: Need = needs(tokens !== undefined);

/** One call waits for many words. */
export const manyWords: Need = needs(waiting.many() !== undefined);

/** The system tells what of a mapping is in memory. */
export const usage: Need = needs(memory.usage !== undefined);

/** Other processes are seen: what they map, and who sleeps. */
export const observing: Need = needs(await system().observing?.() !== undefined);

/** Tests can see in /proc what a process holds. */
export const proc: Need = needs(HAS_PROC);

/** Tests can see which files a process has open and mapped. */
export const holdings: Need = needs(SHOWS_HOLDINGS);

/** What the test is about is Linux's alone: /proc/PID/fd as a path, seals, signals of its kernel. */
export const linux: Need = needs(name === "linux");

/** What Linux and Windows have, and macOS has not. */
export const notOnMac: Need = needs(name !== "darwin");

/** Memory may be writable and executable at once. */
export const writableCode: Need = needs(name !== "darwin" || Deno.build.arch !== "aarch64");

/** Programs of other languages run on the system that this one believes to run on. */
export const natives: Need = needs(nativeSystem() === name);

/** How many times a test does what takes long where machines are emulated, as those of Windows are. */
export function repetitions(count: number): number {
  return name === "windows" ? Math.ceil(count / 10) : count;
}

function nativeSystem(): string {
  try {
    const { stdout } = new Deno.Command("uname", { args: ["-s"] }).outputSync();
    return new TextDecoder().decode(stdout).trim().toLowerCase();
  } catch {
    return "windows"; // which has no such program
  }
}
