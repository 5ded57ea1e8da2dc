/** Other processes that use a region, as far as the system shows them. */

import { system } from "../../os/mod.ts";
import type { ObservingSystem, SeenMapping } from "../../os/system.ts";
import { backingOf, type MmapRegion } from "../../region/mmap_region.ts";
import type { LockHolder } from "../../wait/holder.ts";

/** A process that maps a region. */
export interface MappingProcess {
  /** Null if it is in another PID namespace, or hidden. */
  readonly pid: number | null;
  /** Its command line; null if it is hidden. */
  readonly command: string | null;
  /** Whether it is alive; who maps it is. */
  readonly alive: boolean;
}

/** A thread that sleeps until a word of the region changes. */
export interface RegionSleeper {
  readonly pid: number;
  readonly tid: number;
  /** Where the word lies in the region. */
  readonly byteOffset: number;
}

/** One look at all processes, which several regions may share. */
export interface Scene {
  readonly observing: ObservingSystem;
  readonly mappings: readonly SeenMapping[];
}

/** Looks at all processes now; undefined where the system does not show them. */
export async function lookAround(): Promise<Scene | undefined> {
  const observing = await system().observing?.();
  return observing === undefined ? undefined : { observing, mappings: observing.mappings() };
}

/** The processes that use one region. */
export class Peers {
  readonly #scene: Scene | undefined;
  readonly #mappings: readonly SeenMapping[];
  readonly #region: MmapRegion;
  readonly #leftOut: number | undefined;
  #sleepers: readonly RegionSleeper[] | undefined | null = null;

  /** @param leftOut a process that is not counted, such as one that only looks */
  constructor(region: MmapRegion, scene: Scene | undefined, leftOut?: number) {
    this.#scene = scene;
    this.#region = region;
    this.#leftOut = leftOut;
    const backing = backingOf(region);
    const { pointer, byteLength } = backing.live("inspect region");
    const object = scene?.observing.objectAt({ pointer, byteLength }, backing.attributes.object);
    this.#mappings = scene?.mappings.filter((mapping) => mapping.object === object) ?? [];
    this.object = object;
  }

  /** The object of the region, in the words of the system. */
  readonly object: string | undefined;

  /** The processes that map it; undefined where the system does not show them. */
  get pids(): number[] | undefined {
    if (this.object === undefined) return undefined;
    const pids = this.#mappings.map(({ pid }) => pid).filter((pid) => pid !== this.#leftOut);
    return [...new Set(pids)];
  }

  /** The same, with their commands. */
  get processes(): MappingProcess[] | null {
    return this.pids?.map((pid) => ({ pid, command: this.commandOf(pid), alive: true })) ?? null;
  }

  commandOf(pid: number): string | null {
    return this.#scene?.observing.commandOf(pid) ?? null;
  }

  /** The threads of the processes that map it. */
  get threads(): Set<number> | undefined {
    const { pids } = this;
    return pids && new Set(pids.flatMap((pid) => this.#scene!.observing.threadsOf(pid)));
  }

  /** Those who sleep on its words; undefined if one of the processes does not show that. */
  get sleepers(): readonly RegionSleeper[] | undefined {
    if (this.#sleepers === null) this.#sleepers = this.#findSleepers();
    return this.#sleepers;
  }

  #findSleepers(): RegionSleeper[] | undefined {
    const found: RegionSleeper[] = [];
    if (this.pids === undefined) return undefined;
    for (const pid of this.pids) {
      const sleepers = this.#scene!.observing.sleepers(pid, this.#mappings);
      if (sleepers === undefined) return undefined;
      const start = this.#region.byteOffset;
      found.push(
        ...sleepers.map(({ tid, byteOffset }) => ({ pid, tid, byteOffset: byteOffset - start })),
      );
    }
    return found;
  }

  /** The process that has the lock of the whole file; null if hidden, undefined if there is none. */
  get locker(): number | null | undefined {
    if (this.object === undefined) return null;
    return this.#scene!.observing.lockerOf(this.object, this.#mappings.map(({ pid }) => pid));
  }

  /** Whether processes are shown at all. */
  get shown(): boolean {
    return this.#scene !== undefined;
  }

  /** The other processes that map what `pid` maps under such a label. */
  sharing(pid: number, label: string): number[] | null {
    if (this.#scene === undefined) return null;
    const { mappings } = this.#scene;
    const objects = new Set(
      mappings.filter((each) => each.pid === pid && each.path.includes(label)).map((each) =>
        each.object
      ),
    );
    const others = mappings.filter((each) => objects.has(each.object) && each.pid !== pid);
    return [...new Set(others.map((each) => each.pid))];
  }

  /** A process for people: "4120 deno api.ts". */
  person(pid: number): string {
    const command = this.commandOf(pid);
    return command === null ? String(pid) : `${pid} ${shortCommand(command)}`;
  }

  /** A holder for people. */
  holder({ pid, tid, alive }: LockHolder): string {
    if (!alive) return `thread ${tid}, which is DEAD`;
    if (pid === null) return `a process of another namespace, or hidden (thread ${tid})`;
    const isMain = tid === pid || this.#scene?.observing.threadsOf(pid)[0] === tid;
    return this.person(pid) + (isMain ? "" : ` (thread ${tid})`);
  }
}

const LONGEST_COMMAND = 40;

/** The program and what it runs, without folders and options: "deno api.ts". */
export function shortCommand(command: string): string {
  // Windows puts what has spaces in quotes.
  const words = command.match(/"[^"]*"|\S+/g) ?? [];
  const [program = "", ...args] = words.map((word) => word.replace(/^"(.*)"$/, "$1"));
  const base = (path: string): string => path.replace(/^.*[\\/]/, "").replace(/\.exe$/i, "");
  const script = args.find((word) => /\.\w{1,4}$/.test(word) && !word.startsWith("-"));
  const text = script === undefined
    ? [base(program), ...args].join(" ")
    : `${base(program)} ${base(script)}`;
  return text.length > LONGEST_COMMAND ? `${text.slice(0, LONGEST_COMMAND - 1)}…` : text;
}
