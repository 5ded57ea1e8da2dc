/** What a system shows about other processes: what they map, and what they sleep on. For display only. */

import type { Range } from "../../ffi/memory.ts";
import type { OpenObject, OtherProcess } from "./object_system.ts";

/** A mapping of a process. */
export interface SeenMapping {
  readonly pid: number;
  /** Where it is, if sleepers are told by addresses. */
  readonly place?: MappingPlace;
  /** Names the object: the same text in all mappings of it. */
  readonly object: string;
  /** The path of the object, or its label. */
  readonly path: string;
  /** Whether others see what is written there. */
  readonly shared: boolean;
}

/** Where a mapping is. */
export interface MappingPlace {
  /** The addresses in its process. */
  readonly start: number;
  readonly end: number;
  /** Where in its object it begins, in bytes. */
  readonly byteOffset: number;
}

/** A thread that sleeps until a word changes. */
export interface Sleeper {
  readonly pid: number;
  readonly tid: number;
  /** The object of the word, as in `SeenMapping.object`, and where the word lies in it. */
  readonly object: string;
  readonly byteOffset: number;
}

/** How to open the object of a mapping: a file by its path, or shared memory that a process has. */
export type WayTo =
  | { readonly path: string }
  | {
    readonly memory: OtherProcess & { readonly birthTime: string; readonly byteLength: number };
  };

/** Looks at other processes. */
export interface ObservingSystem {
  /**
   * The mappings of objects by those processes that this user may see; processes may come and go
   * meanwhile.
   */
  mappings(): SeenMapping[];
  /** The processes of this user. */
  ownProcesses(): number[];
  /** The command line of a process; null if it is hidden or gone. */
  commandOf(pid: number): string | null;
  /** The threads of a process, its main one first; none if it is hidden or gone. */
  threadsOf(pid: number): number[];
  /**
   * The threads of a process that sleep on words of what it maps; undefined if this user may not see
   * that.
   *
   * @param mappings what `mappings` told
   */
  sleepers(pid: number, mappings: readonly SeenMapping[]): Sleeper[] | undefined;
  /**
   * What a range of this process maps, as in `SeenMapping.object`.
   *
   * @param object the same, open; undefined for private memory
   */
  objectAt(range: Range, object: OpenObject | undefined): string | undefined;
  /** What leads to the object of a mapping; undefined if nothing does. */
  wayTo(mapping: SeenMapping): WayTo | undefined;
  /**
   * The process that has the lock of a whole file, `ObjectSystem.lockFile`; null if it is hidden.
   *
   * @param pids those that map it
   */
  lockerOf(object: string, pids: readonly number[]): number | null | undefined;
}
