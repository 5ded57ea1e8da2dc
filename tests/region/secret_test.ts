/** Memory of memfd_secret, which the kernel hides from itself: refused where it would be mapped. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MmapRegion, receiveRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { statusOf } from "../../ffi/status.ts";
import { sendObject } from "../../src/region/pass.ts";
import type { OpenObject } from "../../src/os/system.ts";
import { withTempDir } from "../_files.ts";
import { mapsOf } from "../_process.ts";

const SYS_memfd_secret = 447n; // on every architecture
const FD_CLOEXEC_FLAG = 0x80000n;

const syscall = Deno.build.os !== "linux" ? () => -1n : Deno.dlopen("libc.so.6", {
  syscall: { parameters: ["i64", "i64"], result: "i64" },
}).symbols.syscall;

/** A descriptor of two secret pages; -1 where the kernel gives none. */
function openSecret(): number {
  const fd = Number(syscall(SYS_memfd_secret, FD_CLOEXEC_FLAG));
  if (fd !== -1) C.ftruncate(fd, 8192);
  return fd;
}

function hasSecrets(): boolean {
  const fd = openSecret();
  if (fd !== -1) C.close(fd);
  return fd !== -1;
}

const ignore = !hasSecrets();
const name = (what: string) => `${what}${ignore ? " (this kernel has no memfd_secret)" : ""}`;

async function withSecret(body: (fd: number) => void | Promise<void>): Promise<void> {
  const fd = openSecret();
  try {
    await body(fd);
    assertEquals(mapsOf("secretmem"), []);
  } finally {
    C.close(fd);
  }
}

Deno.test(
  name("MmapRegion.fromFd() throws NotSupported for memory of memfd_secret"),
  { ignore },
  () =>
    withSecret((fd) => {
      for (const access of ["read", "read-write", "copy-on-write"] as const) {
        for (const guard of [true, false]) {
          assertThrows(
            () => MmapRegion.fromFd(fd, { access, guard, byteLength: 8192 }),
            Deno.errors.NotSupported,
            "memfd_secret",
          );
        }
      }
    }),
);

/** What nobody's `handle()` gives: the handle of a secret. */
function handleOf(fd: number): ReturnType<MmapRegion["handle"]> {
  using region = MmapRegion.anonymous(8192);
  const { device, inode, birthTime } = statusOf(fd);
  return { ...region.handle(), fd, device, inode, birthTime };
}

Deno.test(
  name("MmapRegion.open() and attach() cannot reach a secret"),
  { ignore },
  () =>
    withSecret((fd) => {
      assertThrows(() => MmapRegion.open(`/proc/self/fd/${fd}`, { byteLength: 8192 }), Error);
      assertThrows(() => MmapRegion.attach(handleOf(fd)), Error);
    }),
);

Deno.test(
  name("receiveRegion() throws NotSupported for memory of memfd_secret"),
  { ignore },
  () =>
    withSecret((fd) =>
      withTempDir(async (dir) => {
        const path = `${dir}/socket`;
        const sent = sendObject(handleOf(fd), fd as OpenObject, path, {});
        await assertRejects(() => receiveRegion(path), Deno.errors.NotSupported, "memfd_secret");
        await sent;
      })
    ),
);
