/** Named pipes. */

import { join } from "@std/path";
import { wide } from "../ffi/windows/library.ts";

/** Loaded with this file, so that no test is said to have left it open. */
const kernel32 = Deno.build.os !== "windows" ? undefined : Deno.dlopen("kernel32.dll", {
  CloseHandle: { parameters: ["usize"], result: "i32" },
  CreateNamedPipeW: {
    parameters: ["buffer", "u32", "u32", "u32", "u32", "u32", "u32", "pointer"],
    result: "isize",
  },
}).symbols;

/** Makes one of Unix. */
export function makeFifo(path: string): void {
  const libc = Deno.dlopen("libc.so.6", {
    mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
  });
  const result = libc.symbols.mkfifo(new TextEncoder().encode(`${path}\0`), 0o600);
  libc.close();
  if (result !== 0) throw new Error(`There is no pipe at ${path}`);
}

/** A named pipe of this system whose other end nobody reads or writes. */
export interface SilentPipe extends Disposable {
  readonly path: string;
}

/** @param dir where it lies; those of Windows lie in no folder */
export async function silentPipe(dir: string): Promise<SilentPipe> {
  if (kernel32 !== undefined) return pipeOfWindows();
  const path = join(dir, "fifo");
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  if (!success) throw new Error(`There is no pipe at ${path}`);
  return { path, [Symbol.dispose]: () => {} }; // it goes with its folder
}

const PIPE_ACCESS_DUPLEX = 3;
const MOST_INSTANCES = 255;
const BUFFER = 4096;

/** Who opens it takes one of its instances for good. */
function pipeOfWindows(instances = 16): SilentPipe {
  const path = `\\\\.\\pipe\\mmap_test_${crypto.randomUUID()}`;
  const { CloseHandle, CreateNamedPipeW } = kernel32!;
  const name = wide(path);
  const handles = Array.from(
    { length: instances },
    () => CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX, 0, MOST_INSTANCES, BUFFER, BUFFER, 0, null),
  );
  if (handles.includes(-1n)) throw new Error(`There is no pipe at ${path}`);
  return { path, [Symbol.dispose]: () => handles.forEach((handle) => CloseHandle(handle)) };
}
