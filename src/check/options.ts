/**
 * Bags of options: what they are, which options they may hold, and of which form those are. Every
 * entry point of the package asks here, so that a misspelt option, or one that belongs elsewhere,
 * never goes unnoticed.
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
    const received = isView(options) ? "an array of bytes" : shown(options);
    throw new TypeError(`Cannot ${action} as the ${bag} must be an object: received ${received}`);
  }
  for (const name in options) {
    if (names[name] === true || !hasOwn(options, name)) continue;
    throw new TypeError(`Cannot ${action} as there is no option '${name}' here`);
  }
}

/** An option that is a boolean. @throws {TypeError} */
export function flag(value: unknown, name: string, action: string, fallback: boolean): boolean {
  return optionalFlag(value, name, action) ?? fallback;
}

/** As {@linkcode flag}; undefined if it is not given. */
export function optionalFlag(value: unknown, name: string, action: string): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw new TypeError(`Cannot ${action} as ${name} must be a boolean: received ${typeof value}`);
}

/** An option that is one of some words. @throws {TypeError} */
export function choice<T extends string>(
  value: unknown,
  choices: readonly T[],
  name: string,
  action: string,
): T | undefined {
  if (value === undefined || choices.includes(value as T)) return value as T | undefined;
  const words = choices.map((one) => `"${one}"`);
  const last = words.pop();
  const list = words.length === 0 ? last : `${words.join(", ")} or ${last}`;
  throw new TypeError(`Cannot ${action} as ${name} must be ${list}: received ${shown(value)}`);
}

/** A text. @throws {TypeError} */
export function text(value: unknown, name: string, action: string): string {
  if (typeof value === "string") return value;
  throw new TypeError(`Cannot ${action} as ${name} must be a string: received ${typeof value}`);
}

/** A function. @throws {TypeError} */
export function callable<T>(value: T, name: string, action: string): T {
  if (typeof value === "function") return value;
  throw new TypeError(`Cannot ${action} as ${name} must be a function: received ${typeof value}`);
}

/** A signal to end a wait, or none. @throws {TypeError} */
export function optionalSignal(value: unknown, action: string): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw new TypeError(
    `Cannot ${action} as signal must be an AbortSignal: received ${shown(value)}`,
  );
}

/**
 * A value for a message: nothing of its own is run, which may do anything or fail; objects and
 * symbols are told by their type.
 */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  const simple = value === null || typeof value !== "object" && typeof value !== "function" &&
      typeof value !== "symbol";
  return simple ? String(value) : typeof value;
}
