/** The options of every way to get a region. */

import type { Access } from "../object/handle.ts";

/** Options of all regions. */
export interface MemoryOptions {
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
   * false: reserve no swap space for the pages (`MAP_NORESERVE`), and no memory for a named object.
   *
   * A number: hold so many bytes of addresses, so that the region can grow up to that length
   * without moving, and old views stay valid. `buffer` then has that length from the start; its
   * bytes beyond the region must not be touched. On macOS, shared memory that is not a file grows
   * no further than its maker has reserved.
   * @default {true}
   */
  reserve?: boolean | number;
  /**
   * Ask for transparent huge pages (`MADV_HUGEPAGE`); ignored where there are none. A file of 2 MiB or
   * more that `MmapRegion.open` makes or empties, with its blocks reserved, asks for them unless this
   * is false: it is filled faster. But a write of one byte then flushes up to 2 MiB, and takes as much
   * memory.
   * @default {false}
   */
  hugePages?: boolean;
  /**
   * Absorb faults: see `MmapRegion.guardState`. False leaves the raw signal, which ends the
   * process.
   * @default {true}
   */
  guard?: boolean;
}

/** What becomes of writes to read-only pages, beside that they are counted. */
export interface StrayWriteOptions {
  /**
   * A write to a read-only page reaches nobody. The first one of a region that nobody has been told
   * of is told
   * - "warn": by `console.warn`, at the next method of the region or at its `close`;
   * - "throw": by the next method, which throws `MappingFaultError`; `close` only warns;
   * - "ignore": not at all.
   *
   * Reading `faults`, and a `check` or `flush` that throws, tell of it too.
   * @default {"warn"}
   */
  onStrayWrite?: "ignore" | "warn" | "throw";
}

/** How a region is mapped: the options that do not create or change a file. */
export interface MapOptions extends MemoryOptions, StrayWriteOptions {
  /**
   * - "read": the region cannot be written to.
   * - "read-write": writes reach the object, and everybody who maps it (`MAP_SHARED`).
   * - "copy-on-write": writes stay in this region and never reach the object (`MAP_PRIVATE`). What
   *   others write to it meanwhile is seen in pages that were not written to here; on macOS the region
   *   keeps what the object held when it was opened, and has a copy of shared memory.
   *
   * @default {"read"}
   */
  access?: Access;
  /**
   * The offset in the object where the region begins, in bytes; any byte.
   * @default {0}
   */
  byteOffset?: number;
  /** The length of the region, in bytes; by default to the end of the object. */
  byteLength?: number;
  /**
   * Also ask for `PROT_EXEC`. Apple silicon has no memory that is writable, too: there this is
   * `Deno.errors.NotSupported` unless `access` is "read". Shared memory of macOS is never executable.
   * @default {false}
   */
  executable?: boolean;
  /** The address to map at, as a hint: the system takes another one if it is not free. */
  address?: bigint;
  /**
   * Further `MAP_*` bits of `@mmap/mmap/libc`, such as `MAP_LOCKED`. `MAP_FIXED`, and those that
   * other options set, are refused.
   * @default {0}
   */
  flags?: number;
}

/** Options of `MmapRegion.open`. */
export interface OpenRegionOptions extends MapOptions {
  /**
   * Create the file if it does not exist, and extend it if it is too short for `byteLength`. What
   * others append to it at the same moment is kept.
   * @default {false}
   */
  create?: boolean;
  /**
   * Create the file, and fail if it exists.
   * @default {false}
   */
  createNew?: boolean;
  /**
   * Empty the file first, so that all of the region reads as zeros. Regular files only.
   * @default {false}
   */
  truncate?: boolean;
  /**
   * The permissions of a file that is created, less the umask.
   * @default {0o666}
   */
  mode?: number;
  /**
   * Reserve disk blocks for the added part of the file, so that a full disk is an ENOSPC error here
   * and not a fault at the first write. False reserves the last block at most.
   * @default {true}
   */
  allocate?: boolean;
}

/** Options of `MmapRegion.named`. */
export interface NamedOptions extends MemoryOptions, StrayWriteOptions {
  /**
   * - "read-write", "read": as in {@linkcode MapOptions}.
   * - "copy-on-write": writes stay in this region.
   *
   * @default {"read-write"}
   */
  access?: Access;
  /** The size of a new object; for an existing one, how much of it to map. */
  byteLength?: number;
  /**
   * Create the object if it does not exist.
   * @default {false}
   */
  create?: boolean;
  /**
   * Create the object, and fail if it exists.
   * @default {false}
   */
  createNew?: boolean;
  /**
   * The permissions of an object that is created, less the umask.
   * @default {0o600}
   */
  mode?: number;
  /**
   * Remove the name when the region is closed; by default only the region that created the object
   * does.
   */
  unlinkOnClose?: boolean;
}

/** Options of `MmapRegion.anonymous`. */
export interface AnonymousOptions extends MemoryOptions {
  /**
   * - "shared": it can be passed to other processes, see `handle` and `env` (a memfd).
   * - "private": plain zero-filled memory of this process.
   *
   * @default {"shared"}
   */
  sharing?: "shared" | "private";
  /**
   * A name for /proc/PID/maps and `mmap top`: at most 249 bytes; 79 of printable ASCII for private
   * memory.
   */
  label?: string;
  /**
   * "write": forbid all further writable mappings, so that only this region can write, and attached
   * ones can only read. Only for shared memory.
   */
  seal?: "write";
  /**
   * Allow it to shrink. By default shared memory is sealed against shrinking, so that no process
   * can remove pages that another one uses.
   * @default {false}
   */
  resizable?: boolean;
}
