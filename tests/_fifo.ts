/** Named pipes. */

import { createServer } from "node:net";

/** Makes one. */
export function makeFifo(path: string): void {
  const libc = Deno.dlopen("libc.so.6", {
    mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
  });
  const result = libc.symbols.mkfifo(new TextEncoder().encode(`${path}\0`), 0o600);
  libc.close();
  if (result !== 0) throw new Error(`There is no pipe at ${path}`);
}

/** A named pipe that nobody reads from or writes to, as long as it is not disposed of. */
export interface Pipe extends AsyncDisposable {
  readonly path: string;
}

/** Makes one: in a folder, or on Windows where pipes have their own, and one opener at a time. */
export async function makePipe(dir: string): Promise<Pipe> {
  if (Deno.build.os !== "windows") {
    const path = `${dir}/fifo-${crypto.randomUUID()}`;
    makeFifo(path);
    return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const path = `\\\\.\\pipe\\mmap-${crypto.randomUUID()}`;
  const server = createServer((socket) => void socket.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const end = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { path, [Symbol.asyncDispose]: end };
}
