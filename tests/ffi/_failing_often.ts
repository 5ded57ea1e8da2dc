/** Makes a call that fails often, and tells which other errors it seemed to give. */

import { MmapRegion } from "@mmap/mmap";
import { isSystemError, open } from "@mmap/mmap/libc";

const IS_WINDOWS = Deno.build.os === "windows";
const fail = IS_WINDOWS ? () => MmapRegion.open("C:\\none\\file") : () => open("/dev/null/file", 0);
const EXPECTED = IS_WINDOWS ? "ENOENT" : "ENOTDIR";

const wrong: string[] = [];
for (let i = 0; i < 3000; i++) {
  try {
    fail();
  } catch (error) {
    const code = isSystemError(error) ? error.code : String(error);
    if (code !== EXPECTED) wrong.push(code);
  }
}
console.log(JSON.stringify(wrong));
