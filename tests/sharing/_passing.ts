/** What the tests of passing regions over a socket share. */

import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import type { MmapRegion } from "@mmap/mmap";
import { pipeNameOf } from "../../src/os/windows/pipes.ts";
import { withTempDir } from "../_files.ts";
import { isThere } from "../_process.ts";
import { isFreePipe } from "../_windows_holdings.ts";

/** Runs `body` with the path of a socket that is not there yet. */
export function withSocketPath(body: (path: string) => Promise<void>): Promise<void> {
  return withTempDir((dir) => body(join(dir, "region.sock")));
}

/** Resolves once a sender waits at a path: the making of a socket tells nobody. */
export async function appearance(path: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if (isSocketAt(path)) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`Nothing has appeared at ${path}`);
}

function isSocketAt(path: string): boolean {
  return Deno.build.os === "windows" ? isFreePipe(pipeNameOf(path)!) : isThere(path);
}

/** Checks that senders have left nothing, in the folder of a path or as a pipe. */
export function assertNothingAt(path: string): void {
  assertEquals([...Deno.readDirSync(dirname(path))], []);
  assertEquals(isSocketAt(path), false);
}

/** The error that a promise ends with. */
export async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  const [result] = await Promise.allSettled([promise]);
  if (result.status === "rejected") return result.reason;
  throw new Error("Expected the promise to be rejected");
}

/** The program of the other sides. */
export const PEERS = new URL("_passing_peers.ts", import.meta.url);

/** What the children say of such a region. */
export function described({ kind, access, byteLength }: MmapRegion): unknown {
  return { kind, access, byteLength };
}
