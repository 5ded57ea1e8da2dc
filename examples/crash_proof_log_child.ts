/**
 * The writer of crash_proof_log.ts: appends, reports that once, and continues until it is killed.
 */
import { AppendLog } from "@mmap/mmap/collections";

using log = AppendLog.open(Deno.args[0]!, { create: true });
for (let i = 0; i < 1e8; i++) {
  log.append(new TextEncoder().encode(`event ${i}`));
  if (i === 999) console.log("1000 records are in the log");
}
