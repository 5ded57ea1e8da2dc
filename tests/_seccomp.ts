/** System calls that are forbidden to a process, as a container's filter forbids them. For good. */

import { assertEquals } from "@std/assert";

const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;

/** struct sock_filter: 0 u16 code, 2 u8 jump if true, 3 u8 jump if false, 4 u32 k. */
const LOAD_NUMBER = [0x20, 0, 0, 0];
const RETURN_EPERM = [0x06, 0, 0, 0x00050001];
const ALLOW = [0x06, 0, 0, 0x7fff0000];

/** What x86-64 and arm64 call `process_vm_readv` and `process_vm_writev`. */
const COPIES = Deno.build.arch === "x86_64" ? [310, 311] : [270, 271];

/** From now on this thread, and those that it starts, get EPERM for the copies between processes. */
export function forbidCopies(): void {
  const { prctl } = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", "u64", "buffer", "u64", "u64"], result: "i32" },
  }).symbols;
  const program = [
    LOAD_NUMBER,
    ...COPIES.flatMap((number) => [[0x15, 0, 1, number], RETURN_EPERM]), // skip unless equal
    ALLOW,
  ];
  const filters = new Uint8Array(8 * program.length);
  const view = new DataView(filters.buffer);
  for (const [i, [code, ifTrue, ifFalse, k]] of program.entries()) {
    view.setUint16(8 * i, code!, true);
    view.setUint8(8 * i + 2, ifTrue!);
    view.setUint8(8 * i + 3, ifFalse!);
    view.setUint32(8 * i + 4, k!, true);
  }
  // struct sock_fprog: 0 u16 length, 8 pointer to the filters.
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(filters));
  const whole = BigUint64Array.of(BigInt(program.length), address);
  assertEquals(prctl(PR_SET_NO_NEW_PRIVS, 1n, null, 0n, 0n), 0);
  assertEquals(
    prctl(PR_SET_SECCOMP, BigInt(SECCOMP_MODE_FILTER), new Uint8Array(whole.buffer), 0n, 0n),
    0,
  );
}
