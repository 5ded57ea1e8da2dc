/** Programs of Linux that tests under Wine may use: what Windows has nothing like, as mounts. */

import type { HostCall, HostResult } from "../tools/windows/host.ts";

/** Where `tools/windows/host.ts` listens; undefined but under Wine. */
const HOST = Deno.env.get("MMAP_HOST");

/** Whether the tests run under Wine, on a Linux that runs programs for them. */
export const HAS_HOST = HOST !== undefined;

/** Runs a program of Linux; paths of Windows among its arguments become Linux's. */
export async function runOnHost(
  program: string,
  args: readonly string[],
  stdin = "",
): Promise<HostResult> {
  if (HOST === undefined) throw new Error("There is no Linux below");
  const call: HostCall = { program, args, stdin };
  const response = await fetch(HOST, { method: "POST", body: JSON.stringify(call) });
  return await response.json();
}
