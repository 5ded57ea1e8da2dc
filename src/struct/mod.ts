/**
 * C's structs in mapped memory, or in any other: typed records at the offsets that a C compiler
 * gives them, read and written in place.
 *
 * ```ts
 * import { chars, f64, i32, struct, type StructValue, u64 } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const Account = struct({ owner: chars(16), branch: i32, balance: f64, changes: u64 });
 * type Account = StructValue<typeof Account>; // { owner: string; balance: number; changes: bigint; … }
 *
 * const memory = new Uint8Array(100 * Account.byteLength); // or an MmapRegion
 * const accounts = Account.array(memory);
 * accounts.at(7).set({ owner: "Ann", balance: 12.5 });
 * accounts.at(7).atomic("changes").add(1n);
 *
 * let sum = 0;
 * for (const balance of accounts.column("balance")) sum += balance;
 * assertEquals(sum, 12.5);
 * ```
 *
 * Integers out of range wrap as in typed arrays. Once a region is closed or resized, its records
 * throw a `TypeError`.
 *
 * @module
 */

export {
  bool,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  isize,
  type ScalarName,
  type ScalarType,
  u16,
  u32,
  u64,
  u8,
  usize,
} from "./scalar.ts";
export { chars, type CharsType } from "./chars.ts";
export { array, type ArrayField, type ArrayType, type RecordsField } from "./array_type.ts";
export { cHeader } from "./c_header.ts";
export { pythonCtypes } from "./python_ctypes.ts";
export { rustStruct } from "./rust_struct.ts";
export { bigEndian, packed, struct, union } from "./struct.ts";
export type {
  AtomicFields,
  Column,
  Fields,
  RecordInit,
  RecordMethods,
  RecordValue,
  Struct,
  StructArray,
  StructArrayOptions,
  StructRecord,
  StructValue,
} from "./types.ts";
export type { AtomicField, AtomicName } from "./atomic.ts";
export type { FieldOf, FieldType, InitOf, ValueOf } from "./field_type.ts";
export type { StructMemory } from "./memory.ts";
