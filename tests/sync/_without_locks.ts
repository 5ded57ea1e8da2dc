/** Another kind of file system. */

import { system } from "../../src/os/mod.ts";
import { withSystem } from "../_fake_system.ts";

/** Runs `body` as on a file system where nobody can have tokens, or as on this one. */
export async function withLocks(there: boolean, body: () => Promise<void>): Promise<void> {
  if (there) return await body();
  const { tokens } = system();
  await withSystem({ tokens: tokens && { ...tokens, take: () => undefined } }, body);
}
