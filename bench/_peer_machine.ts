/** Where and by what a run was made. */

import { output, peerPath } from "./_programs.ts";
import { bun } from "./_peer_files.ts";

/** What the figures hold for. */
export interface Machine {
  readonly command: string;
  readonly date: string;
  readonly processor: string;
  readonly processors: number;
  readonly system: string;
  /** Of the last minute, before and after the run. */
  readonly load: number[];
  readonly versions: Record<string, string>;
}

/** Asks everybody; who is not there has no version. */
export async function describeMachine(): Promise<Machine> {
  const first = async (...[command, ...args]: string[]): Promise<string> =>
    (await output(command!, args).catch(() => "")).split("\n")[0]!;
  const info = Deno.readTextFileSync("/proc/cpuinfo");
  const versions = {
    "Deno": Deno.version.deno,
    "Node": await first("node", "--version"),
    "@riaskov/mmap-io": versionOf("node_modules/@riaskov/mmap-io/package.json"),
    "lmdb": versionOf("node_modules/lmdb/package.json"),
    "Redis": /v=(\S+)/.exec(await first("redis-server", "--version"))?.[1] ?? "",
    "memcached": await first("memcached", "--version"),
    "Bun": await first(bun(), "--version"),
    "Python": await first("python3", "--version"),
    "gcc": await first("gcc", "--version"),
    "rustc": await first("rustc", "--version"),
  };
  return {
    command: "deno task bench:peers",
    date: new Date().toISOString().slice(0, 10),
    processor: /model name\s*:\s*(.*)/.exec(info)?.[1] ?? "unknown",
    processors: navigator.hardwareConcurrency,
    system: `Linux ${Deno.osRelease()}, ${Deno.build.arch}`,
    load: [Deno.loadavg()[0]!],
    versions: Object.fromEntries(Object.entries(versions).filter(([, version]) => version !== "")),
  };
}

function versionOf(path: string): string {
  try {
    return JSON.parse(Deno.readTextFileSync(peerPath(path))).version;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** In one sentence. */
export function sentence(machine: Machine): string {
  const { processors, processor, system, versions, load, date } = machine;
  const programs = Object.entries(versions).map(([name, version]) =>
    version.toLowerCase().startsWith(name.toLowerCase()) ? version : `${name} ${version}`
  );
  return `${processors} cores of ${processor}, ${system}; ${programs.join(", ")}; load average ` +
    `${load.map((value) => value.toFixed(1)).join(" before and ")} after; ${date}.`;
}
