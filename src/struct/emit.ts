/** The common parts of the declarations of a struct in other languages. */

import type { Layout } from "./field_type.ts";
import { FixedArray } from "./array_type.ts";
import { StructLayout } from "./struct_layout.ts";

/** A struct and its name in the declaration. */
export interface Named {
  readonly name: string;
  readonly layout: StructLayout;
}

/** The names of a struct and of all structs in it. */
export type StructNames = ReadonlyMap<StructLayout, string>;

/**
 * A struct and the structs of its fields, each after those that it needs. A nested one is named
 * after its first place: `Person_address`.
 *
 * @throws {TypeError} If `type` is not a struct, or a name is not allowed.
 */
export function declarations(
  type: unknown,
  name: string,
  { language, keywords }: { language: string; keywords: readonly string[] },
): { named: Named[]; names: StructNames } {
  const action = `declare struct in ${language}`;
  if (!(type instanceof StructLayout)) {
    throw new TypeError(`Cannot ${action} as it must be one of this module's structs`);
  }
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new TypeError(
      `Cannot ${action} as its name must be an identifier: received "${name}"`,
    );
  }
  const names = new Map<StructLayout, string>();
  const taken = new Set<string>();
  const named: Named[] = [];
  const declare = (layout: StructLayout, wanted: string): void => {
    if (names.has(layout)) return;
    const unique = uniqueName(wanted, taken);
    names.set(layout, unique);
    for (const [fieldName, { type: field }] of layout.fields) {
      checkKeyword(fieldName, keywords, action);
      const { element } = peel(field);
      if (element instanceof StructLayout) declare(element, `${unique}_${fieldName}`);
    }
    named.push({ name: unique, layout });
  };
  checkKeyword(name, keywords, action);
  declare(type, name);
  return { named, names };
}

/** The type of an array's elements, and the lengths of its dimensions from the outside in. */
export function peel(type: Layout): { element: Layout; lengths: number[] } {
  const lengths: number[] = [];
  let element = type;
  while (element instanceof FixedArray) {
    lengths.push(element.length);
    element = element.element;
  }
  return { element, lengths };
}

function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 2; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}

function checkKeyword(name: string, keywords: readonly string[], action: string): void {
  if (!keywords.includes(name)) return;
  throw new TypeError(`Cannot ${action} as "${name}" is a keyword there`);
}
