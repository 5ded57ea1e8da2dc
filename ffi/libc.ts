/** Loads libc: once per isolate, at the first call. */

import { bufferOver } from "./memory.ts";
import { platform } from "./platform.ts";
import { DARWIN_SYMBOLS, type Libc, SYMBOLS, type SymbolTable } from "./symbols.ts";
import { padCall, padSignature, VARIADIC_FIXED_COUNTS } from "./variadic.ts";

let loaded: Libc | undefined;

/**
 * This thread's errno, as `threadErrno[0]`: valid right after a synchronous call of libc that failed,
 * never after a `nonblocking` one, which ran on another thread. An isolate stays on its thread, so the
 * memory never changes once libc is loaded.
 *
 * It must be read before any function is entered: there the engine does what has come up meanwhile,
 * such as a collection of garbage, whose own calls overwrite errno. That was seen in one process of
 * five. So the checkers of `call.ts` take it as an argument, behind the call itself.
 */
export let threadErrno: Int32Array = new Int32Array(1);

/**
 * libc's functions, as the symbol table declares them.
 *
 * @throws {Deno.errors.NotSupported} If the operating system is not supported or has no libc
 * under the names that were tried.
 * @throws {Deno.errors.NotCapable} If the program runs without `--allow-ffi`.
 */
export function libc(): Libc {
  return loaded ??= load();
}

function load(): Libc {
  const { os, libcName, libcPaths, variadicOnStack, errnoLocation } = platform();
  const table = {
    ...SYMBOLS,
    ...(os === "darwin" ? DARWIN_SYMBOLS : {}),
    errnoLocation: { ...SYMBOLS.errnoLocation, name: errnoLocation },
  };
  const definitions = variadicOnStack ? padTable(table) : table;
  // A name for which Deno has to ask becomes a path in the working directory, where libc is not.
  const isGranted = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
  const candidates = isGranted ? [libcName] : [...libcPaths, libcName];
  const symbols = openFirst(candidates, definitions as SymbolTable);
  threadErrno = new Int32Array(bytesAt(symbols.errnoLocation()!));
  return variadicOnStack ? unpad(symbols) : symbols;
}

/** The first bytes that are accessed by their address. */
function bytesAt(pointer: Deno.PointerObject): ArrayBuffer {
  try {
    return bufferOver({ pointer, byteLength: 4 });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new Deno.errors.NotCapable(
      "Requires ffi access to memory, run again with plain --allow-ffi: a path there is not enough",
    );
  }
}

function openFirst(candidates: readonly string[], definitions: SymbolTable): Libc {
  const failures: string[] = [];
  for (const candidate of candidates) {
    try {
      return Deno.dlopen(candidate, definitions).symbols as Libc;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      failures.push(`"${candidate}" (${error instanceof Error ? error.message : error})`);
    }
  }
  throw new Deno.errors.NotSupported(`Cannot load libc: tried ${failures.join(", ")}`);
}

function padTable(
  table: Record<string, Deno.ForeignFunction>,
): Record<string, Deno.ForeignFunction> {
  const padded = { ...table };
  for (const [name, fixedCount] of Object.entries(VARIADIC_FIXED_COUNTS)) {
    padded[name] = padSignature(table[name]!, fixedCount);
  }
  return padded;
}

function unpad(symbols: Libc): Libc {
  const plain: Record<string, unknown> = { ...symbols };
  for (const [name, fixedCount] of Object.entries(VARIADIC_FIXED_COUNTS)) {
    const symbol = plain[name];
    if (typeof symbol === "function") {
      plain[name] = padCall(symbol as (...args: unknown[]) => unknown, fixedCount);
    }
  }
  return plain as unknown as Libc;
}
