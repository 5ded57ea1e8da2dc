/** What the tests of passing regions over a socket share. */

import { join } from "@std/path";
import type { MmapRegion } from "@mmap/mmap";
import { withTempDir } from "../_files.ts";

/** Runs `body` with the path of a socket that is not there yet. */
export function withSocketPath(body: (path: string) => Promise<void>): Promise<void> {
  return withTempDir((dir) => body(join(dir, "region.sock")));
}

/** Resolves once there is something at a path: the making of a socket tells nobody. */
export async function appearance(path: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    try {
      await Deno.lstat(path);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`Nothing has appeared at ${path}`);
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
