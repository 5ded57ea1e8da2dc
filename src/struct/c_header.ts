/** Structs as C declares them. */

import { Chars } from "./chars.ts";
import { declarations, type Named, peel, type StructNames } from "./emit.ts";
import type { FieldType, Layout } from "./field_type.ts";
import { Scalar, type ScalarName } from "./scalar.ts";
import type { StructLayout } from "./struct_layout.ts";

const TYPES: Readonly<Record<ScalarName, string>> = {
  i8: "int8_t",
  u8: "uint8_t",
  i16: "int16_t",
  u16: "uint16_t",
  i32: "int32_t",
  u32: "uint32_t",
  i64: "int64_t",
  u64: "uint64_t",
  f32: "float",
  f64: "double",
  bool: "bool",
  usize: "size_t",
  isize: "ptrdiff_t",
};

/** The keywords of C, and of C++, which reads headers too. */
const KEYWORDS = (
  "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const " +
  "constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit " +
  "export extern false float for friend goto if inline int long mutable namespace new noexcept not " +
  "not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict " +
  "return short signed sizeof static static_assert static_cast struct switch template this " +
  "thread_local throw true try typedef typeid typename typeof union unsigned using virtual void " +
  "volatile wchar_t while xor xor_eq"
).split(" ");

/**
 * A C header that declares the struct, and the structs in it, under `name`; the compiler checks the
 * size and every offset. Big-endian fields have a comment: C has no type for them.
 *
 * @throws {TypeError} If `type` is not a struct, or its name or a field's is not allowed in C.
 *
 * @example A header for C programs
 * ```ts
 * import { cHeader, chars, i32, struct } from "@mmap/mmap/struct";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const Person = struct({ name: chars(4), age: i32 });
 * assertStringIncludes(cHeader(Person, "Person"), "struct Person {\n  char name[4];");
 * ```
 */
export function cHeader(type: FieldType, name: string): string {
  const { named, names } = declarations(type, name, { language: "C", keywords: KEYWORDS });
  const guard = `${name.toUpperCase()}_H`;
  return [
    `#ifndef ${guard}\n#define ${guard}`,
    "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>",
    "#ifdef __cplusplus\n#define STRUCT_ASSERT static_assert\n#else\n" +
    "#define STRUCT_ASSERT _Static_assert\n#endif",
    ...named.map((each) => declare(each, names)),
    `#undef STRUCT_ASSERT\n#endif\n`,
  ].join("\n\n");
}

function declare({ name, layout }: Named, names: StructNames): string {
  const tag = `${keyword(layout)} ${name}`;
  const fields = [...layout.fields].map(([field, { type }]) => `  ${member(field, type, names)}`);
  const packed = layout.kind === "packed" ? " __attribute__((packed))" : "";
  const checks = [...layout.fields].map(([field, { byteOffset }]) =>
    `STRUCT_ASSERT(offsetof(${tag}, ${field}) == ${byteOffset}, "${name}.${field}");`
  );
  return [
    `${tag} {\n${fields.join("\n")}\n}${packed};`,
    `STRUCT_ASSERT(sizeof(${tag}) == ${layout.byteLength}, "${name}");`,
    ...checks,
  ].join("\n");
}

function keyword(layout: StructLayout): string {
  return layout.kind === "union" ? "union" : "struct";
}

function member(field: string, type: Layout, names: StructNames): string {
  const { element, lengths } = peel(type);
  if (element instanceof Chars) lengths.push(element.byteLength);
  const bounds = lengths.map((length) => `[${length}]`).join("");
  const order = element instanceof Scalar && element.isBigEndian ? " /* big-endian */" : "";
  return `${typeName(element, names)} ${field}${bounds};${order}`;
}

function typeName(element: Layout, names: StructNames): string {
  if (element instanceof Scalar) return TYPES[element.name];
  if (element instanceof Chars) return "char";
  return `${keyword(element as StructLayout)} ${names.get(element as StructLayout)}`;
}
