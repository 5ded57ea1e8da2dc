/** What nobody is told who locks more memory than the limit allows. Prints it as JSON. */

import * as c from "@mmap/mmap/libc";
import type { SystemError } from "@mmap/mmap";
import { dropPrivileges, setLimit } from "../_process.ts";

const map = (flags: number): Deno.PointerObject =>
  c.mmap(
    null,
    1 << 20,
    c.PROT_READ | c.PROT_WRITE,
    c.MAP_PRIVATE | c.MAP_ANONYMOUS | flags,
    -1,
    0,
  );

function told(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    const { name, code, syscall } = error as SystemError;
    return [name, code, syscall];
  }
}

const address = map(0);
setLimit("MEMLOCK", 65536);
dropPrivileges();
const errors = [told(() => c.mlock(address, 1 << 20)), told(() => map(c.MAP_LOCKED))];
setLimit("MEMLOCK", 0);
errors.push(told(() => c.mlock(address, 4096)));
console.log(JSON.stringify(errors));
