/** Follows a file and prints its first line: it needs no permission but --allow-ffi. */

import { followLines } from "@mmap/mmap";

for await (const line of followLines(Deno.args[0]!, { from: "start" })) {
  console.log(line);
  break;
}
