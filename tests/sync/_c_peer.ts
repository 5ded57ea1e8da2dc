/** The other side of the interoperation tests: a C program at the same mutex and futex. */

import { formatHandle, MmapRegion } from "@mmap/mmap";
import { compileWithHeaders, CProgram } from "../_c_program.ts";
import { withTempDir } from "../_files.ts";

/** What a test of both is given. */
export interface Both {
  readonly path: string;
  readonly region: MmapRegion;
  /** `_c_peer.c`, running. */
  readonly peer: CProgram;
}

/** Runs `body` with a file of 4096 bytes, mapped here and in a C program. */
export async function withCPeer(body: (both: Both) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const program = await compileWithHeaders(new URL("_c_peer.c", import.meta.url), dir);
    const path = `${dir}/shared.bin`;
    using region = MmapRegion.open(path, {
      access: "read-write",
      createNew: true,
      byteLength: 4096,
    });
    await using peer = new CProgram(program, [path]);
    await body({ path, region, peer });
  });
}

/** The same with memory that is no file, whose words nobody looks at unless he is woken. */
export async function withCPeerInMemory(
  body: (both: Omit<Both, "path">) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const program = await compileWithHeaders(new URL("_c_peer.c", import.meta.url), dir);
    using region = MmapRegion.anonymous(4096);
    await using peer = new CProgram(program, [formatHandle(region.handle())]);
    await body({ region, peer });
  });
}
