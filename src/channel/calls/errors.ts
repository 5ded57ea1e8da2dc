/** Errors that are sent from one process to another. */

/**
 * The built-in classes that are kept. Errors of other classes become the nearest of these that they
 * extend.
 */
const BUILT_IN: readonly ErrorConstructor[] = [
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
];

/** The parts of an error that are sent, as JSON. */
interface ErrorRecord {
  /** The name of a class of BUILT_IN or Deno.errors, or "DOMException"; "Error" for all others. */
  readonly class: string;
  readonly name: string;
  readonly message: string;
  /** The error as `Deno.inspect` shows it, with its stack and causes. */
  readonly text: string;
  readonly code?: string | number;
  readonly errno?: string | number;
  readonly syscall?: string | number;
}

const FIELDS = ["code", "errno", "syscall"] as const;

/** Encodes a thrown value as bytes. This never throws. */
export function encodeError(thrown: unknown): Uint8Array<ArrayBuffer> {
  try {
    return toBytes(recordOf(thrown));
  } catch {
    const message = "an error was thrown that cannot be read";
    return toBytes({ class: "Error", name: "Error", message, text: message });
  }
}

function toBytes(record: ErrorRecord): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(record));
}

function recordOf(thrown: unknown): ErrorRecord {
  const text = Deno.inspect(thrown);
  if (!(thrown instanceof Error)) {
    const message = typeof thrown === "string" ? thrown : text;
    return { class: "Error", name: "Error", message, text };
  }
  const fields = thrown as unknown as Record<string, unknown>;
  const known = FIELDS.map((key) => [key, fields[key]] as const)
    .filter(([, value]) => isPlain(value));
  return {
    ...Object.fromEntries(known),
    class: classNameOf(thrown),
    name: String(thrown.name),
    message: String(thrown.message),
    text,
  };
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}

function classNameOf(error: Error): string {
  if (error instanceof DOMException) return "DOMException";
  const builtIn = BUILT_IN.find((type) => error instanceof type);
  if (builtIn !== undefined) return builtIn.name;
  const found = Object.entries(Deno.errors).find(([, type]) => error instanceof type);
  return found?.[0] ?? "Error";
}

/**
 * Decodes an error from `encodeError`. @throws {Deno.errors.InvalidData} If the bytes hold no
 * error.
 */
export function decodeError(bytes: Uint8Array): Error {
  let record: ErrorRecord;
  try {
    record = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof record.message !== "string" || typeof record.name !== "string") throw record;
  } catch (cause) {
    throw new Deno.errors.InvalidData("Cannot read error: the message is not an error", { cause });
  }
  const error = withClass(record);
  for (const key of FIELDS) {
    const value = record[key];
    // A DOMException has a code of its own.
    if (isPlain(value) && !(key in error)) define(error, key, value);
  }
  return error;
}

function withClass(record: ErrorRecord): Error {
  const { class: className, message, name } = record;
  const cause = String(record.text);
  if (className === "DOMException") {
    const exception = new DOMException(message, name);
    define(exception, "cause", cause);
    return exception;
  }
  const error = new (classOf(className))(message, { cause });
  if (error.name !== name) define(error, "name", name);
  return error;
}

function classOf(name: string): ErrorConstructor {
  const builtIn = BUILT_IN.find((type) => type.name === name);
  if (builtIn !== undefined) return builtIn;
  const errors = Deno.errors as unknown as Record<string, ErrorConstructor>;
  return Object.hasOwn(errors, name) ? errors[name]! : Error;
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, {
    value,
    enumerable: key !== "name" && key !== "cause",
    configurable: true,
    writable: true,
  });
}
