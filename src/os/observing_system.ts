/** What a system shows about other processes: what they map, and what they sleep on. For display only. */

import type { Range } from "../../ffi/memory.ts";

/** A mapping of a process. */
export interface SeenMapping {
  readonly pid: number;
  /** The addresses in that process. */
  readonly start: number;
  readonly end: number;
  /** Where in its object it begins, in bytes. */
  readonly byteOffset: number;
  /** Names the object: the same text in all mappings of it. */
  readonly object: string;
  /** The path of the object, or its label. */
  readonly path: string;
  /** Whether others see what is written there. */
  readonly shared: boolean;
}

/** A thread that sleeps until a word changes. */
export interface Sleeper {
  readonly pid: number;
  readonly tid: number;
  /** The addresses of the words, in its process. */
  readonly addresses: readonly number[];
}

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
  /** The threads of a process; none if it is hidden or gone. */
  threadsOf(pid: number): number[];
  /** The threads of a process that sleep; undefined if this user may not see that. */
  sleepers(pid: number): Sleeper[] | undefined;
  /** The object that a range of this process maps, as in `SeenMapping.object`. */
  objectAt(range: Range): string | undefined;
  /** A path that leads to the object of a mapping; undefined if there is none, or it is no file. */
  pathTo(mapping: SeenMapping): string | undefined;
  /** The process that has the lock of a whole file, `ObjectSystem.lockFile`; null if it is hidden. */
  lockerOf(object: string): number | null | undefined;
}
