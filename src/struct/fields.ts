/** Access to the fields of a struct one by one, for code that need not be fast. */

import type { Layout } from "./field_type.ts";
import { notStored } from "./scalar.ts";

/** A field of a struct. */
export interface PlacedField {
  readonly type: Layout;
  readonly byteOffset: number;
}

/** The fields of a struct, in their order. */
export type FieldMap = ReadonlyMap<string, PlacedField>;

/** Fields with their prepared values. */
export type PreparedFields = readonly (readonly [field: PlacedField, value: unknown])[];

/** @throws {TypeError} If the struct has no such field. */
export function fieldOf(fields: FieldMap, name: string, action: string): PlacedField {
  const field = fields.get(name);
  if (field !== undefined) return field;
  const names = [...fields.keys()].join(", ");
  throw new TypeError(`Cannot ${action} as its fields are ${names}: received "${name}"`);
}

/** @throws {TypeError} If the values of a record are not an object, or a name is not a field's. */
export function checkNames(values: unknown, fields: FieldMap): void {
  if (values === null || typeof values !== "object") {
    throw new TypeError("Cannot set record as its values must be an object");
  }
  // Object.keys would make an array each time.
  for (const name in values) {
    if (!fields.has(name) && Object.hasOwn(values, name)) fieldOf(fields, name, "set record");
  }
}

/** As `type.prepare`, and an error tells the field's name. */
export function prepareField(name: string, { type }: PlacedField, value: unknown): unknown {
  try {
    return type.prepare(value);
  } catch (error) {
    throw notStored(name, value, error);
  }
}

/** Checks the given values, for {@linkcode writeFields}. */
export function prepareFields(fields: FieldMap, values: object): PreparedFields {
  const prepared: [PlacedField, unknown][] = [];
  for (const [name, field] of fields) {
    const value = (values as Record<string, unknown>)[name];
    if (value !== undefined) prepared.push([field, prepareField(name, field, value)]);
  }
  return prepared;
}

/** Writes what {@linkcode prepareFields} returned. */
export function writeFields(view: DataView, start: number, prepared: PreparedFields): void {
  for (const [{ type, byteOffset }, value] of prepared) type.write(view, start + byteOffset, value);
}

/** A plain object of all fields. */
export function copyFields(
  fields: FieldMap,
  view: DataView,
  start: number,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { type, byteOffset }] of fields) {
    values[name] = type.copy(view, start + byteOffset);
  }
  return values;
}
