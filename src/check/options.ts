/**
 * Bags of options: what they are, and which options they may hold. Every entry point of the package
 * asks here, so that a misspelt option, or one that belongs elsewhere, never goes unnoticed.
 */

/** The options that a bag may hold. The compiler sees to it that none is missing. */
export type Names<T> = Readonly<Record<keyof T, true>>;

// Captured at load, as everything that decides what is let through.
const { hasOwn } = Object;
const { isView } = ArrayBuffer;

/**
 * Checks what a caller gave as options. An option that is undefined counts as not given; what the
 * bag inherits may have any name, since not the caller wrote it there.
 *
 * @param names the options that there are
 * @param action what fails, such as "open region", for the message
 * @param bag what the caller knows it as
 * @throws {TypeError} If it is no object, or holds an option that there is not.
 */
export function checkOptions<T>(
  options: T,
  names: Names<T>,
  action: string,
  bag: string = "options",
): void {
  // Looking at each name in a typed array would be to look at each of its elements.
  if (typeof options !== "object" || options === null || isView(options)) {
    throw new TypeError(
      `Cannot ${action} as the ${bag} must be an object: received ${kindOf(options)}`,
    );
  }
  for (const name in options) {
    if (names[name] === true || !hasOwn(options, name)) continue;
    throw new TypeError(`Cannot ${action} as there is no option '${name}' here`);
  }
}

/** Nothing of the value's own is run. */
function kindOf(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (isView(value)) return "an array of bytes";
  const simple = value === null || typeof value === "number" || typeof value === "boolean";
  return simple ? String(value) : typeof value;
}
