/** The guard's handler, called as Windows calls it. */

import { guardTable } from "../../ffi/guard/guard.ts";
import { addressOf } from "../_fault_child.ts";

const TABLE_OFFSET = 65536n, ENTRY_OFFSET = 64n;

export const ACCESS_VIOLATION = 0xC0000005, IN_PAGE_ERROR = 0xC0000006, BREAKPOINT = 0x80000003;
export const CONTINUE_EXECUTION = -1, CONTINUE_SEARCH = 0;
export const READ = 0n, WRITE = 1n, EXECUTE = 8n;

/** Calls the handler as the system does. @returns what it tells the system to do */
export function deliver(code: number, access: bigint, address: bigint, pc = 0n): number {
  const { address: table } = guardTable()!;
  const entry = Deno.UnsafePointer.create(BigInt(table) - TABLE_OFFSET + ENTRY_OFFSET)!;
  const handler = new Deno.UnsafeFnPointer(
    entry as Deno.PointerObject<never>,
    { parameters: ["buffer"], result: "i32" } as const,
  );
  const record = new DataView(new ArrayBuffer(152));
  record.setUint32(0, code, true);
  record.setBigUint64(16, pc, true);
  record.setUint32(24, 2, true);
  record.setBigUint64(32, access, true);
  record.setBigUint64(40, address, true);
  const bytes = new Uint8Array(record.buffer);
  return handler.call(new Uint8Array(BigUint64Array.of(addressOf(bytes), 0n).buffer));
}
