/** Named shared memory that others made. */

import { fromFileUrl } from "@std/path";
import { Child } from "../_child.ts";

/** A name that no other test uses. */
export function uniqueName(): string {
  return `cli-test-${crypto.randomUUID()}`;
}

/**
 * Runs `body` with an object of other software: a file in /dev/shm. Windows shows none of those, so
 * there it is that of another process.
 */
export async function withForeign(
  content: Uint8Array,
  body: (name: string) => Promise<void>,
): Promise<void> {
  const name = uniqueName();
  if (Deno.build.os === "windows") return await withOther(name, body);
  await Deno.writeFile(`/dev/shm/${name}`, content, { createNew: true, mode: 0o640 });
  try {
    await body(name);
  } finally {
    await Deno.remove(`/dev/shm/${name}`).catch(() => {}); // the test may have removed it
  }
}

async function withOther(name: string, body: (name: string) => Promise<void>): Promise<void> {
  await using child = new Child(PEERS, { args: ["own", name] });
  await child.readLine();
  await body(name);
}

const PEERS = new URL("_peers.ts", import.meta.url);
const PROGRAM = fromFileUrl(new URL("_shared_memory.py", import.meta.url));

/** Whether python3 is there. */
export const HAS_PYTHON: boolean = await hasPython();

async function hasPython(): Promise<boolean> {
  try {
    const args = ["-c", "from multiprocessing import shared_memory"];
    return (await new Deno.Command("python3", { args }).output()).success;
  } catch {
    return false;
  }
}

/** Runs `body` with an object that Python made and holds: 8192 bytes that begin with "python". */
export async function withPythonObject(body: (name: string) => Promise<void>): Promise<void> {
  const name = uniqueName();
  const args = [PROGRAM, name];
  const python = new Deno.Command("python3", { args, stdin: "piped", stdout: "piped" }).spawn();
  try {
    const reader = python.stdout.getReader();
    const { done } = await reader.read();
    reader.releaseLock();
    if (done) throw new Error("Python failed");
    await body(name);
  } finally {
    await python.stdin.close();
    await python.stdout.cancel();
    await python.status;
  }
}
