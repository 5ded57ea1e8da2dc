/** What those are told by libc's calls who are nobody, or at a limit. */

import * as c from "@mmap/mmap/libc";
import type { SystemError } from "@mmap/mmap";
import { act } from "../_act.ts";
import { dropPrivileges, setLimit } from "../_process.ts";

function told(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    const { name, code, syscall } = error as SystemError;
    return [name, code, syscall];
  }
}

function map(flags: number): Deno.PointerObject {
  const protection = c.PROT_READ | c.PROT_WRITE;
  return c.mmap(null, 1 << 20, protection, c.MAP_PRIVATE | c.MAP_ANONYMOUS | flags, -1, 0);
}

await act({
  /** Locks more memory than it may. */
  lock(): unknown {
    const address = map(0);
    setLimit("MEMLOCK", 65536);
    dropPrivileges();
    const errors = [told(() => c.mlock(address, 1 << 20))];
    if (c.MAP_LOCKED !== undefined) errors.push(told(() => map(c.MAP_LOCKED)));
    setLimit("MEMLOCK", 0);
    errors.push(told(() => c.mlock(address, 4096)));
    return errors;
  },

  openAsNobody(path: string): unknown {
    dropPrivileges();
    return told(() => c.open(path, c.O_RDWR));
  },

  useNameAsNobody(name: string): unknown {
    dropPrivileges();
    return [told(() => c.shm_open(name, c.O_RDWR)), told(() => c.shm_unlink(name))];
  },

  openWithoutDescriptors(): unknown {
    setLimit("NOFILE", 10);
    return [
      told(() => c.open("/dev/null", c.O_RDONLY)),
      told(() => c.memfd_create("x", 0)),
      told(() => c.shm_open("/mmap_test_x", c.O_RDWR)),
    ];
  },

  growBeyondTheLimit(path: string): unknown {
    const fd = c.open(path, c.O_RDWR);
    setLimit("FSIZE", 8192);
    return [8193, 8192].map((size) => told(() => c.ftruncate(fd, size)));
  },
});
