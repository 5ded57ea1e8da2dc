/** What children share in which mapped memory faults. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError } from "@mmap/mmap";

/** Cuts a file, or makes it longer: another process does it. */
export function truncate(path: string, byteLength: number): void {
  checkTruncated(truncation(path, byteLength).outputSync(), path, byteLength);
}

/** The same, while this process goes on. */
export async function truncateMeanwhile(path: string, byteLength: number): Promise<void> {
  checkTruncated(await truncation(path, byteLength).output(), path, byteLength);
}

/** On Windows nobody can cut a file that is mapped, but Wine has Linux do it. */
function truncation(path: string, byteLength: number): Deno.Command {
  const options = ["-s", String(byteLength)];
  if (Deno.build.os !== "windows") {
    return new Deno.Command("truncate", { args: [...options, path] });
  }
  const args = ["/wait", "/unix", "/usr/bin/truncate", ...options, unixPathOf(path)];
  return new Deno.Command("start", { args });
}

/** How Linux calls a file of Wine's. */
function unixPathOf(path: string): string {
  const wine = Deno.env.get("WINEPREFIX");
  if (wine === undefined) throw new Error(`No Linux is there that could cut ${path} here`);
  return `${wine}/dosdevices/${
    path.replaceAll("\\", "/").replace(/^[A-Z]:/, (drive) => drive.toLowerCase())
  }`;
}

function checkTruncated(
  { success, stderr }: Deno.CommandOutput,
  path: string,
  byteLength: number,
): void {
  if (Deno.build.os !== "windows") return assert(success, new TextDecoder().decode(stderr));
  // Wine tells nothing of it.
  for (const end = Date.now() + 60_000; Deno.statSync(path).size !== byteLength;) {
    assert(Date.now() < end, "truncate has done nothing");
  }
}

/** Checks that `call` throws the error of a fault that came first at `byteOffset`. */
export function assertFault(
  call: () => unknown,
  path: string,
  byteOffset: number,
  faults: number,
): void {
  const error = assertThrows(call, MappingFaultError);
  assertEquals([error.path, error.byteOffset, error.faults], [path, byteOffset, faults]);
  assertEquals(error.name, "MappingFaultError");
}

/** Where bytes lie. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
