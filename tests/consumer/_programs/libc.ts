import * as c from "@mmap/mmap/libc";

const pageSize: number = Number(c.sysconf(c._SC_PAGESIZE));
const flags = c.MAP_PRIVATE | c.MAP_ANONYMOUS;
const address = c.mmap(null, pageSize, c.PROT_READ | c.PROT_WRITE, flags, -1, 0);
console.log(c.munmap(address, pageSize));
try {
  c.munmap(address, 0);
} catch (error) {
  console.log(c.isSystemError(error) && error.code);
}

export function refused(): void {
  // @ts-expect-error: six arguments
  c.mmap(null, 4096);
}
