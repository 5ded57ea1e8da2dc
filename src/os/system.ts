/**
 * What this module asks of an operating system: verbs over words, numbers, ranges of addresses and
 * open objects. Each system has a folder beside this file with an object of this shape, and `mod.ts`
 * picks one. What a system lacks is absent from its object; the errors that a verb throws are made in
 * the system's folder.
 */

import type { ByteSystem, MemorySystem } from "./memory_system.ts";
import type { NamedSystem, ObjectSystem, PassingSystem } from "./object_system.ts";
import type { ProcessSystem, TokenSystem } from "./process_system.ts";
import type { WaitingSystem } from "./waiting_system.ts";

export type * from "./memory_system.ts";
export type * from "./object_system.ts";
export type * from "./process_system.ts";
export type * from "./waiting_system.ts";

/** An operating system. */
export interface System {
  /** As handles say it. */
  readonly name: "linux" | "darwin" | "windows";
  readonly memory: MemorySystem;
  readonly bytes: ByteSystem;
  readonly objects: ObjectSystem;
  readonly named: NamedSystem;
  readonly processes: ProcessSystem;
  /** How the living show that they live. Elsewhere threads are known by their numbers. */
  readonly tokens?: TokenSystem;
  readonly waiting: WaitingSystem;
  /** Giving objects to other processes; loaded when it is needed, as few programs do. */
  readonly passing?: () => Promise<PassingSystem>;
}
