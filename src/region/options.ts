/** The options of every way to get a region. */

import type { Access } from "../object/handle.ts";

/** How a region is mapped: what does not make or change a file. */
export interface MapOptions {
  /**
   * - "read": the region cannot be written to.
   * - "read-write": writes reach the object, and everybody who maps it (`MAP_SHARED`).
   * - "copy-on-write": writes stay in this region and never reach the object (`MAP_PRIVATE`).
   *
   * @default {"read"}
   */
  access?: Access;
  /**
   * Where in the object the region begins, in bytes; any byte.
   * @default {0}
   */
  byteOffset?: number;
  /** The length of the region, in bytes; by default to the end of the object. */
  byteLength?: number;
  /**
   * Also ask for `PROT_EXEC`.
   * @default {false}
   */
  executable?: boolean;
  /**
   * Fault all pages in before the call returns.
   * @default {false}
   */
  populate?: boolean;
  /**
   * Lock all pages in memory before the call returns (`mlock`); bounded by `ulimit -l`.
   * @default {false}
   */
  lock?: boolean;
  /**
   * false: set no swap space aside for the pages (`MAP_NORESERVE`), and no memory for a named object.
   *
   * A number: hold so many bytes of addresses for the region, so that it can grow up to that length
   * without moving: old views stay valid. `buffer` then has that length from the start, and what lies
   * behind the region in it must not be touched.
   * @default {true}
   */
  reserve?: boolean | number;
  /**
   * Ask for transparent huge pages (`MADV_HUGEPAGE`); ignored where there are none.
   * @default {false}
   */
  hugePages?: boolean;
  /** Where to map, as a hint: the system takes another address if it is not free. */
  address?: bigint;
  /**
   * Absorb faults: see `MmapRegion.guardState`. False is for people who want the raw signal, which
   * ends the process.
   * @default {true}
   */
  guard?: boolean;
  /**
   * Further `MAP_*` bits of `@mmap/mmap/libc`, such as `MAP_LOCKED`. Those that the other options
   * stand for, and `MAP_FIXED`, are refused.
   * @default {0}
   */
  flags?: number;
}

/** Options of `MmapRegion.open`. */
export interface OpenRegionOptions extends MapOptions {
  /**
   * Create the file if it does not exist, and extend it if it is too short for `byteLength`. What
   * others append to it in the same moment stays.
   * @default {false}
   */
  create?: boolean;
  /**
   * Create the file, and fail if it exists.
   * @default {false}
   */
  createNew?: boolean;
  /**
   * Empty the file first: all of the region reads as zeros. Regular files only.
   * @default {false}
   */
  truncate?: boolean;
  /**
   * The permissions of a file that is created, less the umask.
   * @default {0o666}
   */
  mode?: number;
  /**
   * Reserve disk blocks for what the file is extended by, so that a full disk is an ENOSPC error
   * here and not a fault at the first write. False reserves the last block at most.
   * @default {true}
   */
  allocate?: boolean;
}

/** Options of `MmapRegion.named`. */
export interface NamedOptions
  extends Pick<MapOptions, "populate" | "lock" | "reserve" | "hugePages" | "guard"> {
  /**
   * - "read-write", "read": as in {@linkcode MapOptions}.
   * - "copy-on-write": writes stay in this region.
   *
   * @default {"read-write"}
   */
  access?: Access;
  /** The size of an object that is made; of one that is there, how much of it to map. */
  byteLength?: number;
  /**
   * Make the object if there is none of that name.
   * @default {false}
   */
  create?: boolean;
  /**
   * Make the object, and fail if there is one of that name.
   * @default {false}
   */
  createNew?: boolean;
  /**
   * The permissions of an object that is made, less the umask.
   * @default {0o600}
   */
  mode?: number;
  /** Remove the name when the region is closed; by default only who made the object does. */
  unlinkOnClose?: boolean;
}

/** Options of `MmapRegion.anonymous`. */
export interface AnonymousOptions
  extends Pick<MapOptions, "populate" | "lock" | "reserve" | "hugePages" | "guard"> {
  /**
   * - "shared": other processes can be given it, see `handle` and `env` (a memfd).
   * - "private": plain zero-filled memory of this process.
   *
   * @default {"shared"}
   */
  sharing?: "shared" | "private";
  /** A name for /proc/PID/maps: at most 249 bytes; 79 of printable ASCII for private memory. */
  label?: string;
  /**
   * "write": forbid all further writable mappings, so that whoever attaches can only read, and this
   * region alone can write. Only for shared memory.
   */
  seal?: "write";
  /**
   * Let it shrink. By default the size of shared memory is sealed against shrinking, so that no
   * process can take pages away under another one.
   * @default {false}
   */
  resizable?: boolean;
}
