/** What a system can do with objects: what can be mapped, from the opening to the closing. */

declare const opened: unique symbol;

/** An open object of this process. What the number is, is its system's business. */
export type OpenObject = number & { readonly [opened]: true };

/** What an object is. */
export interface ObjectStatus {
  /** The device as one number. */
  readonly device: number;
  /** The object's number on its device, in decimal: it may exceed 2^53. */
  readonly inode: string;
  /**
   * When the object was made, in nanoseconds of the epoch: numbers are used again. "" where the file
   * system does not tell.
   */
  readonly birthTime: string;
  readonly type: "file" | "directory" | "character-device" | "block-device" | "other";
  /** The permission bits, such as 0o600. */
  readonly mode: number;
  /** The user that it belongs to. */
  readonly uid: number;
  readonly byteLength: number;
  /** What is set aside for it, in bytes: less than its length where it has holes. */
  readonly allocated: number;
  /** What its file system likes to read at once; the page size where files are huge pages. */
  readonly blockByteLength: number;
}

/** What is known of a file before it is extended. */
export type Extent = Pick<ObjectStatus, "byteLength" | "allocated">;

/** What a request to map must know of its object. */
export interface Nature {
  /** Whether another mapping of it may be other memory. */
  readonly single: boolean;
  /** The size of the pages of its mappings. */
  readonly pageSize: number;
}

/** How to open what is there. */
export interface OpenHow {
  readonly writable: boolean;
  /** Whether a symbolic link at the path's end is refused. */
  readonly linksRefused?: boolean;
}

/** How to make a file. */
export interface CreateHow {
  readonly writable: boolean;
  /** Its permission bits, before the umask. */
  readonly mode: number;
  /** Is told the true path, links resolved, before anything is there; throws if that is forbidden. */
  readonly allow: ((path: string) => void) | undefined;
}

/** What of an anonymous object is fixed for its life. */
export interface Seals {
  /** It cannot get smaller. */
  readonly shrink: boolean;
  /** No further writable mapping can be made. */
  readonly write: boolean;
}

/** Where another process has an object open, as a handle says it. */
export interface OtherProcess {
  readonly pid: number;
  /** Its number of the object. */
  readonly fd: number;
  readonly startTime: number;
  /** The boot of the machine and the namespaces that these are about, as `ProcessIdentity` says it. */
  readonly bootId: string;
}

/** An open object, and what it was at that moment. */
export interface Found {
  readonly object: OpenObject;
  readonly status: ObjectStatus;
}

/** Files and anonymous memory. Every method throws the system's error. */
export interface ObjectSystem {
  /** Opens the file that is there. */
  open(path: string, how: OpenHow): OpenObject;
  /** The same; undefined if nothing is there, or something of another kind is in the way. */
  openIfThere(path: string, how: OpenHow): OpenObject | undefined;
  /** Makes a file. @throws {Deno.errors.AlreadyExists} Also for a link that leads nowhere. */
  create(path: string, how: CreateHow): OpenObject;
  /** Where a symbolic link leads; undefined if it is none. */
  linkedFrom(path: string): string | undefined;
  /** The true path of what would be made there; undefined where there is no such folder. */
  pathOfEntry(path: string): string | undefined;
  /** Removes a file, if it still is that object. Silent if not. */
  remove(path: string, object: OpenObject): void;
  /** An object that the caller has open, for this module's own use. @param number as the system counts */
  adopt(number: number): OpenObject;
  duplicate(object: OpenObject): OpenObject;
  close(object: OpenObject): void;
  status(object: OpenObject): ObjectStatus;
  nature(object: OpenObject, status: ObjectStatus): Nature;
  /** @throws {Deno.errors.NotSupported} If faults in a mapping of it cannot be absorbed. */
  checkGuardable?(object: OpenObject): void;
  /** Whether it is memory that no path leads to. */
  isPathless(status: ObjectStatus): boolean;
  /** The absolute path of an open file; "" where the system does not tell. */
  pathOf(object: OpenObject): string;
  /** Every path that an open object may have, with which permissions are looked up. */
  pathsOf(object: OpenObject): readonly string[];
  /** Opens what another process has open; undefined if that is another object by now. */
  openOfProcess?(
    other: OtherProcess,
    isIt: (status: ObjectStatus) => boolean,
    writable: boolean,
  ): Found;
  /** Sets the size. */
  setSize(object: OpenObject, byteLength: number): void;
  /**
   * Makes a file at least `to` bytes long, and never shorter, whatever others do meanwhile. A failure
   * leaves the size as it was.
   *
   * @param before what it was a moment ago
   * @param allocate whether its blocks are reserved, so that a full disk is an error here
   */
  extend(
    object: OpenObject,
    before: Extent,
    to: number,
    allocate: boolean,
    subject: string | undefined,
  ): void;
  /** Takes an extension back, unless others have written behind the old end. Silent if it cannot. */
  takeBack(object: OpenObject, from: number, to: number): void;
  /** Whether a file that was extended to at most `to` bytes is as it was made, behind `from`. */
  isUntouched(object: OpenObject, from: number, to: number): boolean;
  /** Whether an error says that there is no room left. */
  isFull(error: unknown): boolean;
  /** Reserves the holes among some bytes of a file that is there. */
  fillHoles(object: OpenObject, from: number, to: number, subject: string | undefined): void;
  /** Anonymous memory of that many zero bytes, for several processes. */
  anonymous(label: string, byteLength: number): OpenObject;
  seal(object: OpenObject, seals: Seals): void;
  /** @throws {Deno.errors.PermissionDenied} If it is sealed against shrinking. */
  checkMayShrink(object: OpenObject): void;
  /** Takes the lock of a whole file. It goes with the object's last duplicate. @returns false if
   * somebody else has it */
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
  /** Whether this module made it. */
  ours: boolean;
  /** The process that made it, where this module did. */
  owner?: {
    /** Its number; null where it is another PID namespace's, or /proc does not show it. */
    pid: number | null;
    /** Whether it is still there, in whatever namespace and of whatever user. */
    alive: boolean;
  };
}

/** What named object to make. */
export interface NewObject {
  readonly byteLength: number;
  readonly mode: number;
  /** Whether to reserve its memory. */
  readonly allocate: boolean;
}

/** Named shared memory. Names come without their leading "/". */
export interface NamedSystem {
  /** How many bytes a name may have. */
  readonly nameLimit: number;
  /** Names that begin like this are the system's folder's own. */
  readonly reservedPrefix?: string;
  /** The path whose permissions count; undefined where names are no paths. */
  pathOf(name: string): string | undefined;
  /** The path of all of them. */
  readonly directory?: string;
  open(name: string, writable: boolean): OpenObject;
  /** Makes an object, sized and owned; nobody ever sees one of size 0, or one without its memory. */
  create(name: string, wanted: NewObject): OpenObject;
  /** Notes this process as one that an object is for. */
  own(name: string, status: ObjectStatus): void;
  unlink(name: string): void;
  /** Removes a name if it still is that object's, and forgets who owns it. Silent if it is not. */
  unlinkOwn(name: string, status: ObjectStatus): void;
  list?(): SharedMemoryInfo[];
  /** Removes this module's objects whose owners are all dead. @returns their names */
  reap?(): string[];
}

/** Gives an end to waiting for somebody at the other end. */
export interface Patience {
  /** @throws if there is nothing left of it */
  check(): void;
}

/** What came from another process. */
export interface Passed {
  readonly message: Uint8Array;
  readonly object: OpenObject | undefined;
}

/** Giving an object and some bytes to one process that has no other way to it. */
export interface PassingSystem {
  send(
    socketPath: string,
    object: OpenObject,
    message: Uint8Array<ArrayBuffer>,
    patience: Patience,
  ): Promise<void>;
  receive(socketPath: string, patience: Patience): Promise<Passed>;
}
