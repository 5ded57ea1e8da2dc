/** The error for a mapping that lost pages of its object. */

/**
 * A page of a region is cut off from its object: the file was truncated under the map, its disk was
 * full, or a forbidden write was absorbed. Reads of such a page give zeros, or what it held; writes
 * to it stay in this process. `repair` and `resize` map the true object again.
 *
 * Thrown by `check`, `flush` and `flushSync` of `MmapRegion`; and by all operations of primitives,
 * channels and collections that lie, with any byte, in a page that was lost to truncation, a full disk
 * or an I/O error.
 */
export class MappingFaultError extends Error {
  /** "MappingFaultError" */
  override readonly name = "MappingFaultError";
  /** The path of the file; "" where the region has none. */
  readonly path: string;
  /** Where the first fault was, counted from the beginning of the region. */
  readonly byteOffset: number;
  /** How many faults were absorbed in the region's life. */
  readonly faults: number;

  /** Made by the module itself. */
  constructor(
    { path, byteOffset, faults }: Pick<MappingFaultError, "path" | "byteOffset" | "faults">,
  ) {
    const what = path === "" ? "region" : `'${path}'`;
    super(
      `Cannot trust the map of ${what}: ${faults} fault${faults === 1 ? "" : "s"} absorbed, ` +
        `the first at byte ${byteOffset}; repair() maps the true object again`,
    );
    this.path = path;
    this.byteOffset = byteOffset;
    this.faults = faults;
  }
}
