/** The error for a mapping that lost pages of its object. */

/**
 * A page of a region is cut off from its object: the file was truncated under the map, its disk was
 * full, or a forbidden write was absorbed. Reads of such a page give zeros, or its former content;
 * writes to it stay in this process. `repair` and `resize` map the true object again.
 *
 * `check`, `flush` and `flushSync` of `MmapRegion` throw it. All operations of primitives, channels
 * and collections throw it if any of their bytes is in a page that was lost to truncation, a full
 * disk or an I/O error.
 */
export class MappingFaultError extends Error {
  /** "MappingFaultError" */
  override readonly name = "MappingFaultError";
  /** The path of the file; "" if the region has none. */
  readonly path: string;
  /** The position of the first fault, counted from the beginning of the region. */
  readonly byteOffset: number;
  /** How many faults were absorbed in the region's life. */
  readonly faults: number;

  /** Made by the module itself. */
  constructor(
    { path, byteOffset, faults }: Pick<MappingFaultError, "path" | "byteOffset" | "faults">,
    hint: string = "",
  ) {
    const what = path === "" ? "region" : `'${path}'`;
    super(
      `Cannot trust the map of ${what}: ${faults} fault${faults === 1 ? "" : "s"} absorbed, ` +
        `the first at byte ${byteOffset}; repair() maps the true object again${hint}`,
    );
    this.path = path;
    this.byteOffset = byteOffset;
    this.faults = faults;
  }
}

/** What to say of an access that was absorbed because the protection forbids it. */
export function strayText(
  path: string,
  { access, sharing }: { readonly access: string; readonly sharing: "shared" | "private" },
  mixed: boolean,
): string {
  const where = path === "" ? "a region" : `'${path}'`;
  const what = mixed ? "A forbidden access to" : "A write to a read-only page of";
  const effect = sharing === "private" ? "was let through" : "reached nobody";
  const hint = access === "read"
    ? `open it with access: "read-write" to write`
    : `it has access: "${access}", but protect() forbids it there`;
  return `${what} ${where} ${effect}: ${hint}`;
}
