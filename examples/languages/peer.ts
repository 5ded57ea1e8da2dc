/**
 * Shares 4096 bytes with another process, of whatever language:
 *
 *     deno run --allow-ffi examples/languages/peer.ts create file|named|descriptor [PATH or NAME]
 *     deno run --allow-ffi examples/languages/peer.ts attach file|named|descriptor WHERE
 *
 * A creator writes "made by Deno" at byte 0, prints where the memory is, and for each line that it
 * reads prints the text at byte 64. An attacher prints the text at byte 0 and writes "used by Deno"
 * at byte 64.
 */
import { answer, answered, attach, create, greet, greeting, linesOf, type Way } from "./_share.ts";
import { whereabouts } from "./_share.ts";

const [action, way, where = ""] = Deno.args as [string, Way, string?];
if (action === "attach") {
  using region = attach(way, where);
  console.log(greeting(region));
  answer(region, "used by Deno");
} else {
  using region = create(way, where);
  greet(region, "made by Deno");
  console.log(whereabouts(region, way, where));
  for await (const _ of linesOf(Deno.stdin.readable)) console.log(answered(region));
}
