/** The sides of peers_bench.ts that work on files: each is a program of its own. */

import { Asked } from "./_asked.ts";
import { makeLog } from "./_log.ts";
import { compilePeer, output, peerPath } from "./_programs.ts";
import { type Side, takeTurns } from "./_ratio.ts";
import {
  type Absence,
  DATA_BYTE_LENGTH,
  type FileWork,
  OURS,
  type Outcome,
  outcomeOf,
  SMALL_BYTE_LENGTH,
  WRITTEN_BYTE_LENGTH,
} from "./_peer_work.ts";

type Command = [command: string, ...args: string[]];

/** One way to a file's bytes. */
interface FilePeer {
  readonly name: string;
  /** What to start; may compile it. */
  readonly command: (dir: string) => Command | Promise<Command>;
  /** How to get what it needs. */
  readonly needs?: string;
}

const NPM = "npm install --no-save --no-package-lock --prefix bench/peers";

const DEBIAN = "/usr/share/cargo/registry";

/** Bun by its path, as its package brings it, or as it is installed. */
export function bun(): string {
  const installed = peerPath("node_modules/.bin/bun");
  return Deno.env.get("BUN") ?? (exists(installed) ? installed : "bun");
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function deno(way: string): Command {
  return [Deno.execPath(), "run", "-A", "--no-check", peerPath("files.mjs"), way];
}

const PEERS: readonly FilePeer[] = [
  { name: OURS, command: () => deno("mmap") },
  { name: "Deno.readFile", command: () => deno("readFile") },
  { name: "Deno.FsFile", command: () => deno("FsFile") },
  {
    name: "Node mmap-io",
    command: () => ["node", peerPath("files.mjs"), "mmap-io"],
    needs: `Node and ${NPM} @riaskov/mmap-io`,
  },
  {
    name: "Bun.mmap",
    command: () => [bun(), peerPath("files.mjs"), "Bun.mmap"],
    needs: `${NPM} bun`,
  },
  {
    name: "Python mmap",
    command: () => ["python3", peerPath("files.py"), "mmap"],
    needs: "python3",
  },
  {
    name: "Python shared_memory",
    command: () => ["python3", peerPath("files.py"), "shared_memory"],
    needs: "python3",
  },
  { name: "C", command: async (dir) => [await compilePeer("files", dir)], needs: "gcc" },
  {
    name: "Rust memmap2",
    command: async (dir) => [await buildRust(dir, "files")],
    needs: "cargo, and librust-memmap2-dev and librust-memchr-dev of Debian",
  },
];

/**
 * Builds a copy, with the crates that Debian has installed and no network. @returns the path of a
 * program
 */
export async function buildRust(dir: string, program: "files" | "search"): Promise<string> {
  await output("cp", ["-r", peerPath("rust"), `${dir}/rust`]);
  await output("cargo", [
    "build",
    "--quiet",
    "--offline",
    "--release",
    `--manifest-path=${dir}/rust/Cargo.toml`,
    `--target-dir=${dir}/rust/target`,
    "--config=source.crates-io.replace-with='debian'",
    `--config=source.debian.directory='${DEBIAN}'`,
  ]);
  return `${dir}/rust/target/release/${program}`;
}

/** Where the files are. */
export interface Places {
  /** A directory in memory. */
  readonly memory: string;
  readonly disk: string;
}

/** Makes the files that all sides share. */
export function makeFiles({ memory, disk }: Places): void {
  makeLog(`${memory}/data`, DATA_BYTE_LENGTH);
  makeLog(`${disk}/data`, DATA_BYTE_LENGTH);
}

/** All programs that are there, for as long as it is not disposed. */
export class FilePeers implements AsyncDisposable {
  readonly absent: Absence[] = [];
  readonly #places: Places;
  readonly #running: Asked[] = [];

  private constructor(places: Places) {
    this.#places = places;
    writeBytes(`${places.memory}/small`, SMALL_BYTE_LENGTH);
  }

  /** Starts them. */
  static async start(places: Places): Promise<FilePeers> {
    const peers = new FilePeers(places);
    for (const peer of PEERS) await peers.#start(peer);
    return peers;
  }

  async #start({ name, command, needs }: FilePeer): Promise<void> {
    let asked: Asked | undefined;
    try {
      const [program, ...args] = await command(this.#places.disk);
      asked = new Asked(name, program, args);
      await asked.answer(`open-close ${this.#places.memory}/small 1`);
      this.#running.push(asked);
    } catch (error) {
      if (needs === undefined) throw error;
      const [message] = String(error).split("\n");
      this.absent.push({ peer: name, reason: `it needs ${needs} (${message})` });
    }
  }

  /** Lets all that can do a work take turns at it. */
  async measure(work: FileWork, rounds: number): Promise<Outcome> {
    const absent = [...this.absent];
    const checks = new Map<string, number>();
    const sides: Side[] = [];
    for (const asked of this.#running) {
      const refusal = await this.#ask(asked, { ...work, times: work.warmUp ?? 1 });
      if (typeof refusal === "string") absent.push({ peer: asked.name, reason: refusal });
      else sides.push({ name: asked.name, measure: () => this.#measure(asked, work, checks) });
    }
    const medians = await takeTurns(sides, rounds);
    return outcomeOf(work.title, sides.map(({ name }) => name), medians, absent);
  }

  async #measure(asked: Asked, work: FileWork, checks: Map<string, number>): Promise<number> {
    const answer = await this.#ask(asked, work);
    if (typeof answer === "string") throw new Error(`${asked.name}: ${answer}`);
    checks.set(asked.name, answer.check);
    requireSame(work, checks);
    return answer.nanoseconds / work.times;
  }

  async #ask(
    asked: Asked,
    work: FileWork,
  ): Promise<string | { nanoseconds: number; check: number }> {
    const { name, times } = work;
    const line = await asked.answer(`${name} ${this.#fileOf(asked.name, work)} ${times}`);
    if (line.startsWith("no ")) return line.slice(3);
    const [nanoseconds, check] = line.split(" ").map(Number);
    return { nanoseconds: nanoseconds!, check: check! };
  }

  /** A file that grows is a new one each time; one that is written to stays. */
  #fileOf(peer: string, { file }: FileWork): string {
    const { memory, disk } = this.#places;
    const own = peer.replace(/\W/g, "_");
    if (file === "own") return writeBytes(`${memory}/${own}`, SMALL_BYTE_LENGTH);
    if (file === "own on disk") {
      const path = `${disk}/${own}`;
      return exists(path) ? path : writeBytes(path, WRITTEN_BYTE_LENGTH);
    }
    return file === "disk" ? `${disk}/data` : `${memory}/${file}`;
  }

  /** Lets them end, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const asked of this.#running) await asked[Symbol.asyncDispose]();
  }
}

/** Removed first: others may still have the old file mapped. */
function writeBytes(path: string, byteLength: number): string {
  if (exists(path)) Deno.removeSync(path);
  Deno.writeFileSync(path, new Uint8Array(byteLength).fill(7));
  return path;
}

/** Sums may be rounded in another way. */
function requireSame({ title }: FileWork, checks: Map<string, number>): void {
  const [[first, expected]] = [...checks] as [[string, number]];
  for (const [peer, check] of checks) {
    if (Math.abs(check - expected) <= 1e-9 * Math.abs(expected)) continue;
    throw new Error(`${title}: ${peer} has ${check}, and ${first} ${expected}`);
  }
}
