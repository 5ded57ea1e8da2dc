/** What a system can tell about processes and threads, and which of them are dead. */

import type { OpenObject } from "./object_system.ts";

/** A process, identified by more than its number, which is reused sooner or later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's ticks; 0 if the system does not say. */
  readonly startTime: number;
  /**
   * The boot and the namespaces that these numbers refer to, as opaque text; "" if the system does
   * not say.
   */
  readonly bootId: string;
}

/** The name of a holder: two words, neither of which is 0. */
export interface Name {
  /** At most 30 bits. */
  readonly number: number;
  readonly fingerprint: number;
}

/** Processes, and threads that are identified by their numbers. */
export interface ProcessSystem {
  /** This process. */
  own(): ProcessIdentity;
  /** The boot of the machine, as opaque text; "" if the system does not say. */
  boot(): string;
  /** The number of this process's PID namespace; 0 if there is none, or the system does not say. */
  pidNamespace(): number;
  /** A variable of this process's environment; undefined if it is not set. */
  variable(name: string): string | undefined;
  /** The name of this isolate's thread: Deno gives each Worker one of its own. */
  thread(): Name;
  /**
   * The thread's number in its own namespace, and whether that seems to be this one's; and its process,
   * if the number tells.
   */
  threadOf(number: number): { tid: number; isOwnNamespace: boolean; pid?: number };
  /**
   * Whether a thread is certainly dead. A stopped, slow or hidden thread is not.
   *
   * @param fingerprint 0 if it is not known: then any living thread of that number counts
   */
  isDead(number: number, fingerprint: number): boolean;
  /**
   * @throws {Deno.errors.NotSupported} If threads of other processes cannot be told from this
   * process's.
   */
  checkComparable(): void;
  /** The process of a thread, for display only; null if it is hidden. */
  processOfThread(tid: number): number | null;
}

/** An open object whose memory names holders. */
export interface TokenObject {
  readonly object: OpenObject;
  /**
   * A path to open it by if the system cannot open it through its descriptor; "" if it has none.
   */
  readonly path: string;
  /** Whether this isolate created the object, as memory without a path. */
  readonly madeHere: boolean;
}

/** A token that is held: the system knows its name until the holder ends. */
export interface Token extends Name {
  /** Gives the token up: from now on its name counts as a dead holder's. */
  release(): void;
}

/** Shows all processes that have an object open that an isolate is alive. */
export interface TokenSystem {
  /**
   * Takes a token of an object.
   *
   * @returns undefined if its file system has no tokens
   * @throws {Deno.errors.Busy} If another program's lock is in the way, or the file has tokens of
   * another system.
   * @throws {Deno.errors.NotSupported} If the object cannot be opened anew.
   * @throws the system's error if the limit of descriptors or locks is reached
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
  /** The process of a thread if it has that token, for display only; null if it is hidden. */
  processWith(tid: number, name: Name): number | null;
}
