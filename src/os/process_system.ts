/** What a system can tell of processes and threads, and who of them is dead. */

import type { OpenObject } from "./object_system.ts";

/** A process: its number alone is given to another one sooner or later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's ticks; 0 where it does not tell. */
  readonly startTime: number;
  /**
   * The boot of the machine that these numbers are about, and the namespaces, as text without further
   * meaning; "" where the system does not tell.
   */
  readonly bootId: string;
}

/** Who holds something: two words, neither of which is 0. */
export interface Name {
  /** At most 30 bits. */
  readonly number: number;
  readonly fingerprint: number;
}

/** Processes, and threads that know each other by their numbers. */
export interface ProcessSystem {
  /** This process. */
  own(): ProcessIdentity;
  /** The boot of the machine, as text without further meaning; "" where the system does not tell. */
  boot(): string;
  /** The number of this process's PID namespace; 0 if there is none, or the system does not tell. */
  pidNamespace(): number;
  /** A variable of this process's environment; undefined if it is not set. */
  variable(name: string): string | undefined;
  /** The name of this isolate's thread: Deno gives each Worker one of its own. */
  thread(): Name;
  /** The thread's number in its own namespace, and whether that is this one's as far as it shows. */
  threadOf(number: number): { tid: number; isOwnNamespace: boolean };
  /**
   * Whether a thread is dead for sure. A stopped or slow one is not, nor one that cannot be looked at.
   *
   * @param fingerprint 0 if it is not known: then any thread of that number counts as the one
   */
  isDead(number: number, fingerprint: number): boolean;
  /** @throws {Deno.errors.NotSupported} If threads of other processes cannot be told from own ones. */
  checkComparable(): void;
  /** The process of a thread, for showing only; null if it is hidden. */
  processOfThread(tid: number): number | null;
}

/** An object that holders of something in it have open. */
export interface TokenObject {
  readonly object: OpenObject;
  /** Where it may be found again where the system does not open it anew; "" if nowhere. */
  readonly path: string;
  /** Whether this isolate made the object, as memory that has no path. */
  readonly madeHere: boolean;
}

/** A token that is held: its name is on the system's list until its holder ends. */
export interface Token extends Name {
  /** Gives it up: from now on everything that names it is a dead one's. */
  release(): void;
}

/** How an isolate shows all who have an object open that it lives. */
export interface TokenSystem {
  /**
   * Takes a token of an object.
   *
   * @returns undefined where its file system has none
   * @throws {Deno.errors.Busy} If somebody else's lock is in the way.
   * @throws {Deno.errors.NotSupported} If the object cannot be opened anew.
   * @throws the system's error if there is no descriptor or no lock left
   */
  take(object: TokenObject): Token | undefined;
  /**
   * Whether somebody else has a token.
   *
   * @param fingerprint 0 for any token of that number
   */
  isHeld(object: OpenObject, number: number, fingerprint: number): boolean;
  /** The thread that a fingerprint names, in its own PID namespace; 0 if it was not written. */
  threadIn(fingerprint: number): number;
  /** The process of a thread if it has that token, for showing only; null if it is hidden. */
  processWith(tid: number, name: Name): number | null;
}
