/** Another kind of file system. */

import { EINVAL } from "../../ffi/errno.ts";
import { libc, replaceLibc } from "../../ffi/libc.ts";
import { bytesAt } from "../_pages.ts";

/** Runs `body` as on a file system without locks of open file descriptions, or as on this one. */
export async function withLocks(there: boolean, body: () => Promise<void>): Promise<void> {
  if (there) return await body();
  const cell = new Int32Array(bytesAt(libc().errnoLocation()!, 4).buffer);
  const restore = replaceLibc({
    fcntlLock: () => {
      cell[0] = EINVAL;
      return -1;
    },
  });
  try {
    await body();
  } finally {
    restore();
  }
}
