/** Asks for each flavor of `proc_pidinfo()` about a process, as nobody. */

import { dropPrivileges } from "../_process.ts";
import { loadCalls } from "./_calls.ts";

const [library, pid, flavors] = Deno.args.map((text) => JSON.parse(text));
const calls = loadCalls(library);
dropPrivileges();
const answers = flavors.map((flavor: number) => {
  const bytes = new Uint8Array(1000);
  return calls.proc_pidinfo(pid, flavor, 0n, bytes, bytes.length) || calls.said(-1);
});
console.log(JSON.stringify(answers));
