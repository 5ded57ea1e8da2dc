/** What a program does to its own process, in a mount namespace of its own, once Deno is there. */

import { dropPrivileges } from "../_process.ts";

const MNT_DETACH = 2;

/** @param how "hide /proc", "be nobody" or "" */
export function enter(how: string): void {
  if (how === "") return;
  const { umount2, mount } = Deno.dlopen("libc.so.6", {
    umount2: { parameters: ["buffer", "i32"], result: "i32" },
    mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  }).symbols;
  const c = (text: string) => new TextEncoder().encode(`${text}\0`);
  const failed = how === "hide /proc"
    ? umount2(c("/proc"), MNT_DETACH)
    : mount(c("proc"), c("/proc"), c("proc"), 0n, c("hidepid=2"));
  if (failed !== 0) throw new Error(`Cannot ${how}`);
  if (how === "be nobody") dropPrivileges();
}
