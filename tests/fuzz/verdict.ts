/** Which errors may come out of the module. */

import { isSystemError, MappingFaultError } from "@mmap/mmap";
import { HostileError } from "./hostile.ts";
import { Mismatch } from "./mismatch.ts";

/** How a call ended. */
export type Outcome<T> = { ok: true; value: T; error?: undefined } | {
  ok: false;
  error: Error;
};

const DENO_ERRORS = new Set<unknown>(Object.values(Deno.errors));

/** What engines say where code has forgotten a case; never what an argument check says. */
const INTERNAL =
  /undefined|is not a function|is not iterable|private member|Receiver|before initialization|convert a Symbol|primitive value|Invalid FFI|expected|Cannot mix BigInt|Cannot convert/i;

/** Said on purpose, with one of those words in it. */
const DELIBERATE = /^Cannot [a-z ]+( as |: )|\(os error \d+\): /;

/** Runs a call; an error that is not documented is a failure of the module. */
export function attempt<T>(call: () => T): Outcome<T> {
  try {
    return { ok: true, value: call() };
  } catch (error) {
    return { ok: false, error: documented(error) };
  }
}

/** As {@linkcode attempt}, for promises. */
export async function attemptAsync<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await call() };
  } catch (error) {
    return { ok: false, error: documented(error) };
  }
}

/** @throws {Mismatch} If no document tells of such an error. */
export function documented(error: unknown): Error {
  if (error instanceof Mismatch) throw error;
  if (error instanceof HostileError || error instanceof MappingFaultError) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (!(error instanceof Error)) throw new Mismatch(`Thrown, and no error: ${text}`);
  if (!allowed(error)) throw new Mismatch(`Not a documented error: ${text}`, { cause: error });
  return error;
}

function allowed(error: Error): boolean {
  if (isSystemError(error)) return DELIBERATE.test(error.message);
  if (DENO_ERRORS.has(error.constructor)) return true;
  if (error.constructor !== TypeError && error.constructor !== RangeError) return false;
  return DELIBERATE.test(error.message) || !INTERNAL.test(error.message);
}

/** @throws {Mismatch} If the call ended otherwise. */
export function mustSucceed<T>(outcome: Outcome<T>, what: string): T {
  if (outcome.ok) return outcome.value;
  throw new Mismatch(`${what} must succeed: ${outcome.error}`, { cause: outcome.error });
}

/** @throws {Mismatch} If the call ended otherwise. */
export function mustThrow(
  outcome: Outcome<unknown>,
  // deno-lint-ignore no-explicit-any -- any constructor of an error
  type: abstract new (...args: any[]) => Error,
  what: string,
): void {
  if (!outcome.ok && outcome.error instanceof type) return;
  const came = outcome.ok ? "it succeeded" : `${outcome.error}`;
  throw new Mismatch(`${what} must throw ${type.name}: ${came}`, { cause: outcome.error });
}
