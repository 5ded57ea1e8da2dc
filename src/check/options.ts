/**
 * Checks objects of options ("bags"): which options they may hold, and of which type. Every entry
 * point of the package uses it, so that an option that is misspelt, or belongs elsewhere, never
 * goes unnoticed.
 */

/** The options that a bag may hold. The compiler ensures that none is missing. */
export type Names<T> = Readonly<Record<keyof T, true>>;

// Captured at load: a program cannot replace later what decides which options pass.
const { hasOwn } = Object;
const { isView } = ArrayBuffer;

/**
 * Checks what a caller gave as options. An option that is undefined counts as not given. Inherited
 * properties may have any name, since the caller did not write them.
 *
 * @param names the options that exist
 * @param action what fails, such as "open region", for the message
 * @param bag the caller's word for the bag
 * @throws {TypeError} If it is not an object, or holds an unknown option.
 */
export function checkOptions<T>(
  options: T,
  names: Names<T>,
  action: string,
  bag: string = "options",
): void {
  // A typed array has a name for each of its elements, which would all be checked.
  if (typeof options !== "object" || options === null || isView(options)) {
    const received = isView(options) ? "an array of bytes" : shown(options);
    throw new TypeError(`Cannot ${action} as the ${bag} must be an object: received ${received}`);
  }
  for (const name in options) {
    if (names[name] === true || !hasOwn(options, name)) continue;
    throw new TypeError(`Cannot ${action} as there is no option '${name}' here`);
  }
}

/**
 * For constructors that only this module calls, with an object that has that property.
 *
 * @throws {TypeError} If somebody else does.
 */
export function checkMade(value: unknown, property: string, instead: string): void {
  if (typeof value === "object" && value !== null && property in value) return;
  throw new TypeError(`Illegal constructor: use ${instead}`);
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

/** A string. @throws {TypeError} */
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
 * A value for a message. No code of the value's own runs, which may do anything or fail. Objects
 * and symbols are shown by their type.
 */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  const simple = value === null || typeof value !== "object" && typeof value !== "function" &&
      typeof value !== "symbol";
  return simple ? String(value) : typeof value;
}
