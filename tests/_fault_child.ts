/** What children share in which mapped memory faults. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError } from "@mmap/mmap";

/** Cuts a file, or makes it longer: another process does it. */
export function truncate(path: string, byteLength: number): void {
  if (Deno.build.os === "windows") return truncateOutside(path, byteLength);
  const args = ["-s", String(byteLength), path];
  assert(new Deno.Command("truncate", { args }).outputSync().success);
}

/** On Windows nobody can cut a file that is mapped, but Wine has Linux do it. */
function truncateOutside(path: string, byteLength: number): void {
  const unix = `${Deno.env.get("WINEPREFIX")}/dosdevices/${
    path.replaceAll("\\", "/").replace(/^[A-Z]:/, (drive) => drive.toLowerCase())
  }`;
  const args = ["/wait", "/unix", "/usr/bin/truncate", "-s", String(byteLength), unix];
  new Deno.Command("start", { args }).outputSync(); // tells nothing of it
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
