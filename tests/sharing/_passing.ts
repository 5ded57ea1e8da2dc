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

/** A child that takes a region, writes 2 where it finds 1, and prints what it got. */
export const RECEIVE = `
  import { MmapRegion, receiveRegion } from "@mmap/mmap";
  const got = receiveRegion(Deno.args[0]);
  console.log("waiting");
  using region = await got;
  if (region.bytes[0] === 1) region.bytes[1] = 2;
  const { kind, access, byteLength } = region;
  console.log(JSON.stringify({ kind, access, byteLength }));`;

/** What the children say of such a region. */
export function described({ kind, access, byteLength }: MmapRegion): unknown {
  return { kind, access, byteLength };
}
