/** Structs, packed structs and unions, as callers declare them. */

import { type FieldType, layoutOf } from "./field_type.ts";
import { type StructKind, StructLayout } from "./struct_layout.ts";
import type { Fields, Struct } from "./types.ts";

/** The names that every record has. */
const RESERVED = ["get", "set", "atomic", "toJSON", "constructor", "__proto__"];

/** @throws {TypeError} If a field cannot have that name. */
function checkName(name: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new TypeError(
      `Cannot lay out struct as the name of a field must be a C identifier: received "${name}"`,
    );
  }
  if (RESERVED.includes(name)) {
    throw new TypeError(`Cannot lay out struct as every record has a "${name}" already`);
  }
}

function make<F extends Fields>(kind: StructKind, fields: F): Struct<F> {
  const action = "lay out struct";
  if (fields === null || typeof fields !== "object") {
    throw new TypeError(`Cannot ${action} as its fields must be an object`);
  }
  const types = Object.entries(fields).map(([name, type]) => {
    checkName(name);
    return [name, layoutOf(type, action)] as const;
  });
  if (types.length === 0) {
    throw new TypeError(`Cannot ${action} as it must have at least one field, as in C`);
  }
  return new StructLayout(kind, types) as unknown as Struct<F>;
}

/**
 * A struct whose fields lie where a C compiler puts them: in their order, each at a multiple of its
 * alignment, with padding between and after them.
 *
 * @throws {TypeError} If a field's name is not as in C, is "get", "set", "atomic", "toJSON" or
 * "constructor", or its type is not a type of this module; or if there is no field.
 *
 * @example An array of structs
 * ```ts
 * import { chars, i32, struct } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const Person = struct({ name: chars(4), age: i32 }); // struct { char name[4]; int age; }
 * const people = Person.array(new Uint8Array(3 * Person.byteLength));
 * people.at(0).set({ name: "Ann", age: 31 });
 * people.at(0).age += 1;
 * assertEquals(people.at(0).get(), { name: "Ann", age: 32 });
 * ```
 */
export function struct<const F extends Fields>(fields: F): Struct<F> {
  return make("struct", fields);
}

/**
 * A struct without padding: `__attribute__((packed))`. A nested struct keeps its own padding.
 *
 * @throws {TypeError} As {@linkcode struct}.
 *
 * @example A header of five bytes
 * ```ts
 * import { packed, u32, u8 } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const Header = packed({ version: u8, byteLength: u32 });
 * assertEquals([Header.byteLength, Header.offsets.byteLength], [5, 1]);
 * ```
 */
export function packed<const F extends Fields>(fields: F): Struct<F> {
  return make("packed", fields);
}

/**
 * A union: all fields begin at 0, and share their bytes. `set` writes them in their order.
 *
 * @throws {TypeError} As {@linkcode struct}.
 *
 * @example The bits of a float
 * ```ts
 * import { f32, u32, union } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const bits = union({ number: f32, word: u32 }).at(new Uint8Array(4));
 * bits.number = 1;
 * assertEquals(bits.word, 0x3f800000);
 * ```
 */
export function union<const F extends Fields>(fields: F): Struct<F> {
  return make("union", fields);
}

/**
 * The same type with its most significant byte first, as in network protocols; for an array or a
 * struct, everything in it.
 *
 * @throws {TypeError} If the type is not a type of this module.
 *
 * @example A port as it is sent
 * ```ts
 * import { bigEndian, struct, u16 } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(2);
 * struct({ port: bigEndian(u16) }).at(bytes).port = 0x1f90;
 * assertEquals([...bytes], [0x1f, 0x90]);
 * ```
 */
export function bigEndian<T extends FieldType>(type: T): T {
  return layoutOf(type, "turn byte order").bigEndian() as unknown as T;
}
