/** Structs as Rust declares them. */

import { Chars } from "./chars.ts";
import { declarations, type Named, peel, type StructNames } from "./emit.ts";
import type { FieldType, Layout } from "./field_type.ts";
import { Scalar } from "./scalar.ts";
import type { StructLayout } from "./struct_layout.ts";

const KEYWORDS = (
  "Self _ abstract as async await become box break const continue crate do dyn else enum extern " +
  "false final fn for gen if impl in let loop macro match mod move mut override priv pub ref " +
  "return self static struct super trait true try type typeof unsafe unsized use virtual where " +
  "while yield"
).split(" ");

const REPRESENTATIONS = {
  struct: "#[repr(C)]",
  packed: "#[repr(C, packed)]",
  union: "#[repr(C)]",
};

/**
 * Rust source that declares the struct, and the structs in it, with `repr(C)`; the compiler (1.77
 * and later) checks the size and every offset. Text is `[u8; n]`; big-endian fields have a comment.
 *
 * @throws {TypeError} If `type` is not a struct, or its name or a field's is not allowed in Rust.
 *
 * @example Source for Rust programs
 * ```ts
 * import { chars, i32, rustStruct, struct } from "@mmap/mmap/struct";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const Person = struct({ name: chars(4), age: i32 });
 * assertStringIncludes(rustStruct(Person, "Person"), "pub name: [u8; 4],\n    pub age: i32,");
 * ```
 */
export function rustStruct(type: FieldType, name: string): string {
  const { named, names } = declarations(type, name, { language: "Rust", keywords: KEYWORDS });
  return named.map((each) => declare(each, names)).join("\n");
}

function declare({ name, layout }: Named, names: StructNames): string {
  const fields = [...layout.fields].map(([field, { type }]) =>
    `    pub ${field}: ${typeName(type, names)},${orderOf(type)}\n`
  );
  const checks = [...layout.fields].map(([field, { byteOffset }]) =>
    `    assert!(core::mem::offset_of!(${name}, ${field}) == ${byteOffset});\n`
  );
  return `${REPRESENTATIONS[layout.kind]}\n#[derive(Clone, Copy)]\n` +
    `pub ${layout.kind === "union" ? "union" : "struct"} ${name} {\n${fields.join("")}}\n` +
    `const _: () = {\n    assert!(core::mem::size_of::<${name}>() == ${layout.byteLength});\n` +
    `${checks.join("")}};\n`;
}

function typeName(type: Layout, names: StructNames): string {
  const { element, lengths } = peel(type);
  return lengths.reduceRight((inner, length) => `[${inner}; ${length}]`, single(element, names));
}

function single(element: Layout, names: StructNames): string {
  if (element instanceof Chars) return `[u8; ${element.byteLength}]`;
  return element instanceof Scalar ? element.name : names.get(element as StructLayout)!;
}

function orderOf(type: Layout): string {
  const { element } = peel(type);
  return element instanceof Scalar && element.isBigEndian ? " // big-endian" : "";
}
