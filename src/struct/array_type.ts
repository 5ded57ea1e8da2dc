/** Arrays of a fixed length inside a record. */

import type { Series } from "./classes.ts";
import {
  type FieldOf,
  type FieldType,
  type InitOf,
  Layout,
  layoutOf,
  type ValueOf,
} from "./field_type.ts";
import { indexPrototype } from "./indexed.ts";
import { wholeNumber } from "../check/numbers.ts";
import { checkRoom, viewOf } from "./memory.ts";
import { place } from "./numbers.ts";
import type { StructLayout } from "./struct_layout.ts";

/**
 * The elements of an array field, in place: reading and writing them is reading and writing the
 * memory.
 */
export interface ArrayField<Element> extends Iterable<Element> {
  /** How many there are. */
  readonly length: number;
  /** One element; out of range, `at` throws a RangeError, and this is undefined. */
  [index: number]: Element;
  /**
   * One element; negative indices count from the end. It never returns undefined. Its type allows
   * that because plain arrays can be assigned to the field.
   *
   * @throws {RangeError} If there is no such element.
   */
  at(index: number): Element | undefined;
}

/** The records of an array field whose elements are structs. */
export interface RecordsField<Element> extends Iterable<Element> {
  /** How many there are. */
  readonly length: number;
  /** One record; out of range, `at` throws a RangeError, and this is undefined. */
  readonly [index: number]: Element;
  /**
   * One record; negative indices count from the end.
   *
   * @throws {RangeError} If there is no such record.
   */
  at(index: number): Element;
}

/** `T name[n]` */
export type ArrayType<T extends FieldType> = FieldType<
  ValueOf<T>[],
  FieldOf<T> extends { get(): unknown } ? RecordsField<FieldOf<T>> : ArrayField<FieldOf<T>>,
  Iterable<InitOf<T>>
>;

/** A fixed number of elements of one type, one after the other. */
export class FixedArray extends Layout {
  override readonly byteLength: number;

  constructor(readonly element: Layout, readonly length: number) {
    super();
    this.byteLength = element.byteLength * length;
  }

  override get alignment(): number {
    return this.element.alignment;
  }

  override get description(): string {
    return `${this.element.description}[${this.length}]`;
  }

  /** The array at a place in memory: of structs as `struct.array` gives it, else as a field. */
  at(memory: unknown, byteOffset: number): Elements | Series {
    const { element, length } = this;
    if (isStruct(element)) return element.array(memory, { byteOffset, length });
    const view = viewOf(memory, ACTION);
    checkRoom(view, { byteOffset, byteLength: this.byteLength, length: 1, action: ACTION });
    return this.read(view, byteOffset);
  }

  override read(view: DataView, byteOffset: number): Elements {
    return new Elements(this, view, byteOffset);
  }

  override copy(view: DataView, byteOffset: number): unknown[] {
    const { element, length } = this;
    return Array.from(
      { length },
      (_, i) => element.copy(view, byteOffset + i * element.byteLength),
    );
  }

  override prepare(value: unknown): unknown[] {
    if (typeof value === "string" || !isIterable(value)) {
      throw new TypeError("Cannot store array as its elements must be an iterable");
    }
    const prepared: unknown[] = [];
    for (const element of value) {
      prepared.push(this.element.prepare(element));
      if (prepared.length > this.length) break; // an iterable may be endless
    }
    if (prepared.length === this.length) return prepared;
    throw new RangeError(
      `Cannot store array as it must have ${this.length} elements: received ` +
        (prepared.length > this.length ? "more" : `${prepared.length}`),
    );
  }

  override write(view: DataView, byteOffset: number, prepared: unknown): void {
    const { element } = this;
    for (const [i, value] of (prepared as unknown[]).entries()) {
      element.write(view, byteOffset + i * element.byteLength, value);
    }
  }

  override bigEndian(): FixedArray {
    return new FixedArray(this.element.bigEndian(), this.length);
  }
}

const ACTION = "place array";

/** Structs alone have arrays of their own. Their module needs this one, so not the reverse. */
function isStruct(type: Layout): type is StructLayout {
  return "array" in type;
}

/** The elements of an array field. */
class Elements {
  readonly #type: FixedArray;
  readonly #view: DataView;
  readonly #start: number;

  constructor(type: FixedArray, view: DataView, start: number) {
    this.#type = type;
    this.#view = view;
    this.#start = start;
  }

  get length(): number {
    return this.#type.length;
  }

  at(index: number): unknown {
    return this.#type.element.read(this.#view, this.#offset(index));
  }

  *[Symbol.iterator](): Generator<unknown> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  get [Symbol.toStringTag](): string {
    return "ArrayField";
  }

  [Symbol.for("Deno.customInspect")](
    inspect: (value: unknown, options: unknown) => string,
    options: unknown,
  ): string {
    return inspect(this.#type.copy(this.#view, this.#start), options);
  }

  toJSON(): unknown[] {
    return this.#type.copy(this.#view, this.#start);
  }

  static {
    const setElement = (elements: Elements, index: number, value: unknown): void => {
      const { element } = elements.#type;
      element.write(elements.#view, elements.#offset(index), element.prepare(value));
    };
    Object.setPrototypeOf(this.prototype, indexPrototype(setElement as never));
  }

  #offset(index: number): number {
    return this.#start + place(index, this.length) * this.#type.element.byteLength;
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return value !== null && typeof value === "object" && Symbol.iterator in value;
}

/**
 * A fixed number of elements of one type: `T name[n]`.
 *
 * @throws {RangeError} If the length is not a whole number above 0.
 * @throws {TypeError} If the type is not a type of this module.
 */
export function array<T extends FieldType>(type: T, length: number): ArrayType<T> {
  const action = "lay out array";
  const layout = new FixedArray(layoutOf(type, action), wholeNumber(length, "length", action, 1));
  return layout as unknown as ArrayType<T>;
}
