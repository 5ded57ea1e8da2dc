/** What a system can do with objects, which are what can be mapped, from opening to closing. */

import type { FileStatus } from "../../ffi/status.ts";

declare const opened: unique symbol;

/** An open object of this process. Only its system knows what the number means. */
export type OpenObject = number & { readonly [opened]: true };

/** The facts about an object, at one moment. */
export type ObjectStatus = FileStatus;

/** The size of a file before it is extended. */
export type FileSize = Pick<ObjectStatus, "byteLength" | "allocated">;

/** What a request to map must know about its object. */
export interface Nature {
  /** Whether a second mapping of it may be other memory. */
  readonly single: boolean;
  /** The size of the pages of its mappings. */
  readonly pageSize: number;
}

/** How to open an existing file. */
export interface OpenHow {
  readonly writable: boolean;
  /** Whether a symbolic link at the path's end is refused. */
  readonly linksRefused?: boolean;
}

/** How to create a file. */
export interface CreateHow {
  readonly writable: boolean;
  /** Its permission bits, before the umask. */
  readonly mode: number;
  /**
   * Called with the true path, links resolved, before anything is created; throws if that is
   * forbidden.
   */
  readonly allow: ((path: string) => void) | undefined;
}

/** The properties of an anonymous object that are fixed for its life. */
export interface Seals {
  /** It cannot get smaller. */
  readonly shrink: boolean;
  /** No further writable mapping can be made. */
  readonly write: boolean;
}

/** Another process's descriptor of an object, as a handle describes it. */
export interface OtherProcess {
  readonly pid: number;
  /** Its descriptor number. */
  readonly fd: number;
  readonly startTime: number;
  /** The boot and the namespaces that these numbers refer to, as in `ProcessIdentity`. */
  readonly bootId: string;
  /** Which object it is, as `ObjectStatus` says it. */
  readonly device: number;
  readonly inode: string;
}

/** An open object, and its status at that moment. */
export interface OpenedObject {
  readonly object: OpenObject;
  readonly status: ObjectStatus;
}

/** Files and anonymous memory. Every method throws the system's error. */
export interface ObjectSystem {
  /** The path of a file URL's path, where the two differ. */
  pathOfUrl?(path: string): string;
  /** Opens an existing file. */
  open(path: string, how: OpenHow): OpenObject;
  /** The same, for a folder too; undefined if nothing is there, or nothing that can be opened. */
  openIfThere(path: string, how: OpenHow): OpenObject | undefined;
  /** Creates a file. @throws {Deno.errors.AlreadyExists} Also for a dangling symbolic link. */
  create(path: string, how: CreateHow): OpenObject;
  /** The target of a symbolic link; undefined if it is not a link. */
  linkedFrom(path: string): string | undefined;
  /** The true path of what would be created there; undefined if there is no such folder. */
  pathOfEntry(path: string): string | undefined;
  /** Removes a file if it is still that object. Silent if it is not. */
  remove(path: string, object: OpenObject): void;
  /**
   * This module's own duplicate of an object that the caller has open. @param number its number in
   * the system
   */
  adopt(number: number): OpenObject;
  duplicate(object: OpenObject): OpenObject;
  close(object: OpenObject): void;
  status(object: OpenObject): ObjectStatus;
  nature(object: OpenObject, status: ObjectStatus): Nature;
  /** @throws {Deno.errors.NotSupported} If faults in a mapping of it cannot be absorbed. */
  checkGuardable?(object: OpenObject): void;
  /** Whether it is memory without a path. */
  isPathless(status: ObjectStatus): boolean;
  /** The absolute path of an open file; "" if the system does not say. */
  pathOf(object: OpenObject): string;
  /** Every path that an open object may have, for checking permissions. */
  pathsOf(object: OpenObject): readonly string[];
  /**
   * Opens what another process has open; undefined if the descriptor leads to another object now.
   */
  openOfProcess?(
    other: OtherProcess,
    isIt: (status: ObjectStatus) => boolean,
    writable: boolean,
  ): OpenedObject;
  /** Sets the size. */
  setSize(object: OpenObject, byteLength: number): void;
  /**
   * Makes a file at least `to` bytes long, and never shorter, whatever others do meanwhile. A
   * failure leaves the size unchanged.
   *
   * @param before its size a moment ago
   * @param allocate whether to reserve its blocks, so that a full disk is an error here
   */
  extend(
    object: OpenObject,
    before: FileSize,
    to: number,
    allocate: boolean,
    subject: string | undefined,
  ): void;
  /** Undoes an extension, unless others have written beyond the old end. Silent if it cannot. */
  takeBack(object: OpenObject, from: number, to: number): void;
  /** Whether nobody has written beyond `from` to a file that was extended to at most `to` bytes. */
  isUntouched(object: OpenObject, from: number, to: number): boolean;
  /** Whether an error says that there is no room left. */
  isFull(error: unknown): boolean;
  /** Reserves the holes in a range of an existing file. */
  fillHoles(object: OpenObject, from: number, to: number, subject: string | undefined): void;
  /**
   * Brings a range of a file into memory that holds nothing yet, in pieces of that length, by writing
   * zeros. Silent if it cannot, or if the file is shorter.
   */
  cacheZeros?(object: OpenObject, from: number, to: number, piece: number): void;
  /**
   * Anonymous memory of that many zero bytes, for several processes.
   *
   * @param capacity how many it may get
   */
  anonymous(label: string, byteLength: number, capacity: number): OpenObject;
  /** What to do when the region ends that anonymous memory was made for; must not throw. */
  endOfAnonymous?(object: OpenObject): () => void;
  seal(object: OpenObject, seals: Seals): void;
  /** @throws {Deno.errors.PermissionDenied} If it is sealed against shrinking. */
  checkMayShrink(object: OpenObject): void;
  /** Takes the lock of a whole file. It is released with the object's last duplicate. @returns
   * false if somebody else has it */
  lockFile(object: OpenObject, path: string): boolean;
  unlockFile(object: OpenObject): void;
}

/** A named shared memory object of the system. */
export interface SharedMemoryInfo {
  /** Without the leading "/". */
  name: string;
  /** Its size, in bytes. */
  byteLength: number;
  /** Its permission bits, such as 0o600. */
  mode: number;
  /** The user that it belongs to. */
  uid: number;
  /** Whether this module created it. */
  ours: boolean;
  /** The process that created it, if this module did. */
  owner?: {
    /** Its number; null if it is in another PID namespace, or /proc does not show it. */
    pid: number | null;
    /** Whether it is alive, in whatever namespace and of whatever user. */
    alive: boolean;
  };
}

/** How to create a named object. */
export interface NewObject {
  readonly byteLength: number;
  /** How many bytes it may get. */
  readonly capacity: number;
  readonly mode: number;
  /** Whether to reserve its memory. */
  readonly allocate: boolean;
}

/** Named shared memory. Names come without their leading "/". */
export interface NamedSystem {
  /** How many bytes a name may have. */
  readonly nameLimit: number;
  /** The system uses names with this prefix itself. */
  readonly reservedPrefix?: string;
  /** The path whose permissions apply; undefined if names are not paths. */
  pathOf(name: string): string | undefined;
  /** The path of all of them. */
  readonly directory?: string;
  open(name: string, writable: boolean): OpenObject;
  /**
   * Creates an object with its size and owner. Nobody ever sees it with size 0, or without its
   * memory.
   */
  create(name: string, wanted: NewObject): OpenObject;
  /** Records this process as an owner of an object. */
  own(name: string, status: ObjectStatus): void;
  unlink(name: string): void;
  /**
   * Removes a name if it still belongs to that object, and its record of owners. Silent if it does
   * not.
   */
  unlinkOwn(name: string, status: ObjectStatus): void;
  list?(): SharedMemoryInfo[];
  /** Removes this module's objects whose owners are all dead. @returns their names */
  reap?(): string[];
}

/** Limits the time that is spent waiting for the other side. */
export interface Patience {
  /** @throws if the time is up or the wait was aborted */
  check(): void;
}

/** What another process has sent. */
export interface Passed {
  readonly message: Uint8Array;
  readonly object: OpenObject | undefined;
}

/** Passes an object and some bytes to one process that cannot reach it otherwise. */
export interface PassingSystem {
  send(
    socketPath: string,
    object: OpenObject,
    message: Uint8Array<ArrayBuffer>,
    patience: Patience,
  ): Promise<void>;
  receive(socketPath: string, patience: Patience): Promise<Passed>;
}
