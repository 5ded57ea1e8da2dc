/** Makes a call that fails often, and tells which other errors it seemed to give. */

import { isSystemError, open } from "@mmap/mmap/libc";

const wrong: string[] = [];
for (let i = 0; i < 3000; i++) {
  try {
    open("/dev/null/file", 0);
  } catch (error) {
    const code = isSystemError(error) ? error.code : String(error);
    if (code !== "ENOTDIR") wrong.push(code);
  }
}
console.log(JSON.stringify(wrong));
