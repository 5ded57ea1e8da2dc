/** All that a sequence has made so far, and what is known of it. */

import { join } from "@std/path";
import type { Access, MmapRegion } from "@mmap/mmap";
import type { MappingModel } from "./mapping_model.ts";
import type { ObjectModel } from "./object_model.ts";
import type { Peers } from "./peers.ts";
import type { Random } from "./random.ts";
import type { WorkerPool } from "./workers.ts";

/** An object that regions are mapped of. */
export interface TestObject {
  readonly model: ObjectModel;
  readonly kind: "file" | "memfd" | "named" | "plain";
  /** Where it was made; "" if nowhere. */
  readonly path: string;
  /** A descriptor of the fuzzer's own, for changes from outside. */
  readonly file: Deno.FsFile | undefined;
  /** Whether `path` still leads to it. */
  reachable: boolean;
  /** Sealed against shrinking. */
  readonly sealedSize: boolean;
  /** Sealed against further writable mappings. */
  readonly sealedWrite: boolean;
}

/** A further mapping of a region's object: `sharedBuffer`. */
export interface Overlay {
  readonly memory: WebAssembly.Memory;
  readonly mapping: MappingModel;
  /** The region's length when it was made. */
  readonly regionByteLength: number;
}

/** A region and what is known of it. */
export interface Live {
  readonly id: number;
  readonly region: MmapRegion;
  readonly object: TestObject;
  readonly main: MappingModel;
  readonly overlays: Overlay[];
  readonly access: Access;
  readonly sharing: "shared" | "private";
  readonly byteOffset: number;
  readonly lead: number;
  /** The length that addresses are held for; 0 if none are. */
  readonly reserved: number;
  readonly guard: boolean;
  readonly grant: Access;
  /** Closing removes the name. */
  readonly unlinks: boolean;
  byteLength: number;
  closed: boolean;
  /** The buffer that the memory was transferred to; null if nobody here has it. */
  stolen: ArrayBuffer | null | undefined;
  /** The buffer was made undetachable. */
  pinned: boolean;
  /** Calls on other threads that are not over. */
  pending: number;
  /** Views that must die with the next resize or close. */
  views: ArrayBufferView[];
}

/** What the child process keeps from one sequence to the next. */
export interface Helpers {
  readonly workers: WorkerPool;
  readonly peers: Peers;
  /** /dev/shm is this process's own, so that nobody else's objects are in it. */
  readonly privateMemory: boolean;
}

export class World {
  readonly random: Random;
  readonly helpers: Helpers;
  /** On the disk, and in memory. */
  readonly directories: readonly [string, string];
  readonly objects: TestObject[] = [];
  regions: Live[] = [];
  /** The named objects by their names. */
  readonly names = new Map<string, TestObject>();
  /** Names of which it is not known whether they are there: forgotten regions remove theirs late. */
  readonly vagueNames = new Set<string>();
  readonly pending: Promise<void>[] = [];
  /** Called at the end of the sequence, or earlier. */
  readonly hammers: (() => Promise<void>)[] = [];
  /** Ends of operations that use bytes of regions, or of what was one. */
  readonly loans: (() => Promise<void>)[] = [];
  forgotten = 0;
  /** The present operation was given nothing invalid and nothing hostile so far. */
  tame = true;
  /** The present operation may be given such things. */
  wild = false;
  /** Getters do nothing but what the operation asks for. */
  depth = 0;
  readonly #log: (line: string) => void;
  #nextId = 0;

  constructor(
    random: Random,
    helpers: Helpers,
    directories: readonly [string, string],
    log: (line: string) => void,
  ) {
    this.random = random;
    this.helpers = helpers;
    this.directories = directories;
    this.#log = log;
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Says what comes next, before it does: it may be the last thing that this process says. */
  note(text: string): void {
    this.#log(text);
  }

  begin(): void {
    this.tame = true;
    this.wild = this.random.once(6);
  }

  get open(): Live[] {
    return this.regions.filter((live) => !live.closed);
  }

  /** A region, mostly an open one; undefined if there is none at all. */
  pickRegion(): Live | undefined {
    const choices = this.random.once(12) ? this.regions : this.open;
    return this.random.pickAny(choices.length === 0 ? this.regions : choices);
  }

  /** One that is open, and of which `suitable` holds. */
  pickOpen(suitable: (live: Live) => boolean = () => true): Live | undefined {
    return this.random.pickAny(this.open.filter(suitable));
  }

  newPath(): string {
    return join(this.random.pick(this.directories), `file-${this.nextId()}`);
  }

  /** The name of shared memory: few, so that they meet. */
  pickName(): string {
    return `fuzz-${Deno.pid}-${this.random.int(0, 3)}`;
  }
}
