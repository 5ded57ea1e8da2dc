/** The page size of this process, asked for once. */

import { _SC_PAGESIZE } from "./constants.ts";
import { sysconf } from "./file_calls.ts";

let known = 0;

/** In bytes: 4096 on x86-64; 4096, 16384 or 65536 on arm64. */
export function pageSize(): number {
  return known ||= sysconf(_SC_PAGESIZE);
}
