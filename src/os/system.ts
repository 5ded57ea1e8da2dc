/**
 * The one interface between this module and an operating system: verbs over words, numbers, ranges
 * of addresses and open objects. Each system has a folder beside this file with an object of this
 * shape, and `mod.ts` picks one. Members that a system lacks are absent from its object. The errors
 * that a verb throws are made in the system's folder.
 */

import type { ByteSystem, MemorySystem } from "./memory_system.ts";
import type { ObservingSystem } from "./observing_system.ts";
import type { NamedSystem, ObjectSystem, PassingSystem } from "./object_system.ts";
import type { ProcessSystem, TokenSystem } from "./process_system.ts";
import type { WaitingSystem } from "./waiting_system.ts";

export type * from "./memory_system.ts";
export type * from "./object_system.ts";
export type * from "./observing_system.ts";
export type * from "./process_system.ts";
export type * from "./waiting_system.ts";

/** An operating system. */
export interface System {
  /** The name that handles contain. */
  readonly name: "linux" | "darwin" | "windows";
  readonly memory: MemorySystem;
  readonly bytes: ByteSystem;
  readonly objects: ObjectSystem;
  readonly named: NamedSystem;
  readonly processes: ProcessSystem;
  /**
   * How isolates show that they are alive. Systems without it identify threads by their numbers.
   */
  readonly tokens?: TokenSystem;
  readonly waiting: WaitingSystem;
  /** Passing objects to other processes; loaded on demand, since few programs need it. */
  readonly passing: () => Promise<PassingSystem>;
  /** Looking at other processes, likewise; undefined where they cannot be seen. */
  readonly observing?: () => Promise<ObservingSystem | undefined>;
}
