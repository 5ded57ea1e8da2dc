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

/** Runs a program of Linux, also from below Wine. A program that is not there fails. */
export async function runLinux(program: string, args: readonly string[]): Promise<HostResult> {
  if (HAS_HOST) return await runOnHost(program, args);
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] })
      .output();
    const text = new TextDecoder();
    return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } catch (error) {
    return { success: false, stdout: "", stderr: String(error) };
  }
}
