/** Structs as Python's ctypes declares them. */

import { Chars } from "./chars.ts";
import { declarations, type Named, peel, type StructNames } from "./emit.ts";
import type { FieldType, Layout } from "./field_type.ts";
import { Scalar, type ScalarName } from "./scalar.ts";
import type { StructLayout } from "./struct_layout.ts";

const TYPES: Readonly<Record<ScalarName, string>> = {
  i8: "c_int8",
  u8: "c_uint8",
  i16: "c_int16",
  u16: "c_uint16",
  i32: "c_int32",
  u32: "c_uint32",
  i64: "c_int64",
  u64: "c_uint64",
  f32: "c_float",
  f64: "c_double",
  bool: "c_bool",
  usize: "c_size_t",
  isize: "c_ssize_t",
};

const KEYWORDS = (
  "False None True and as assert async await break class continue def del elif else except finally " +
  "for from global if import in is lambda nonlocal not or pass raise return try while with yield"
).split(" ");

/**
 * A Python module that declares the struct, and the structs in it, with ctypes:
 * `Person.from_buffer(mmap.mmap(...))` is then a record in mapped memory. Python checks the sizes.
 *
 * @throws {TypeError} If `type` is not a struct, or its name or a field's is not allowed in Python.
 *
 * @example A module for Python programs
 * ```ts
 * import { chars, i32, pythonCtypes, struct } from "@mmap/mmap/struct";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const Person = struct({ name: chars(4), age: i32 });
 * assertStringIncludes(pythonCtypes(Person, "Person"), "class Person(ctypes.Structure):");
 * ```
 */
export function pythonCtypes(type: FieldType, name: string): string {
  const { named, names } = declarations(type, name, { language: "Python", keywords: KEYWORDS });
  return ["import ctypes\n", ...named.map((each) => declare(each, names))].join("\n\n");
}

function declare({ name, layout }: Named, names: StructNames): string {
  const fields = [...layout.fields].map(([field, { type }]) =>
    `        ("${field}", ${typeName(type, names)}),\n`
  );
  // From Python 3.14 on, _pack_ needs the layout's name; "ms" places packed fields as gcc does.
  const packed = layout.kind === "packed" ? `    _layout_ = "ms"\n    _pack_ = 1\n` : "";
  return `class ${name}(ctypes.${layout.kind === "union" ? "Union" : "Structure"}):\n${packed}` +
    `    _fields_ = [\n${fields.join("")}    ]\n\n\n` +
    `assert ctypes.sizeof(${name}) == ${layout.byteLength}\n`;
}

function typeName(type: Layout, names: StructNames): string {
  const { element, lengths } = peel(type);
  // ctypes counts the innermost dimension first
  return lengths.reduceRight((inner, length) => `(${inner} * ${length})`, single(element, names));
}

function single(element: Layout, names: StructNames): string {
  if (element instanceof Chars) return `(ctypes.c_char * ${element.byteLength})`;
  if (!(element instanceof Scalar)) return names.get(element as StructLayout)!;
  return `ctypes.${TYPES[element.name]}${element.isBigEndian ? ".__ctype_be__" : ""}`;
}
