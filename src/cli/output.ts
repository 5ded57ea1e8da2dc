/** Printing, to streams that may be closed or full. */

import { printable } from "./format.ts";

/** Writes all of a text to stdout. @throws {Deno.errors.BrokenPipe} If nobody reads it any more. */
export async function print(text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await Deno.stdout.write(bytes));
}

/** Writes "mmap: ..." to stderr, on one line. If that fails, it cannot be reported. */
export function printError(error: unknown): void {
  const message = error instanceof Error ? error.message || error.name : String(error);
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`mmap: ${printable(message)}\n`));
  } catch {
    // The exit code also reports the failure.
  }
}
