/**
 * Generates the classes of a struct's records, arrays and columns as source text.
 *
 * In a hot loop, `people.at(i).age = x` should become a single store, as with a typed array. V8's
 * optimising compiler does that, and makes no object, if four things hold:
 *
 * 1. **Classes of their own for each struct.** V8 keeps what it learns (which classes are seen at a
 *    place, what is called there) per function of the source, not per closure. If all structs share
 *    one `at` and one set of accessors, a program's second struct makes them megamorphic: `at` is
 *    no longer inlined, `new Record` is a real allocation. A class that is compiled for its struct
 *    keeps them apart.
 * 2. **Source of their own.** V8 finds earlier compiled functions by their text, with what it has
 *    learned about them. Two structs of the same size would have the same `at`, so each source
 *    begins with a number.
 * 3. **No way out of the loop.** V8 moves checks that are the same each time (does the memory still
 *    exist? is this an array of people?) out of a loop, but only if it knows all exits of the loop.
 *    It does not know a `throw`, or a branch in an inlined function that was never taken. So the
 *    check of an index is not a branch: see PLACE.
 * 4. **A DataView, in named properties.** Its methods are single instructions behind a check of its
 *    bounds and of its buffer, which throws once the buffer is detached; a typed array would give
 *    undefined, and take nothing that is misaligned. Private properties are not taken out of loops.
 *    No field can have their names.
 *
 * Two differences remain, as bench/struct_bench.ts measures. A loop over records is not unrolled:
 * the states that V8 keeps for going back to the interpreter add to the loop's size, and they
 * contain the record that is not made. And `p.age = p.age + 1` checks the sum for overflow, because
 * those states contain a setter's argument too.
 *
 * The only input of callers in the source are numbers and field names, which are identifiers (see
 * checkName). If a program may not compile source, interpret.ts does the same, but slower.
 */

import type { Layout } from "./field_type.ts";
import type { Classes, RecordClass, SeriesClass } from "./classes.ts";
import { checkNames, type FieldMap, type PlacedField } from "./fields.ts";
import { interpreted } from "./interpret.ts";
import { place } from "./numbers.ts";
import { notStored, Scalar } from "./scalar.ts";

const VIEW = 'this["#view"]';
const START = 'this["#start"]';
const LENGTH = 'this["#length"]';

function recordClass(fields: FieldMap): RecordClass {
  const parts = [...fields].map(([name, field], i) => fieldSource(name, field, `types[${i}]`));
  const all = (part: keyof FieldSource): string => parts.map((source) => source[part]).join("\n");
  return compile(
    `return class Record {
      constructor(view, start) { ${VIEW} = view; ${START} = start; }
      ${all("accessors")}
      get() { return { ${all("copy")} }; }
      set(values) {
        if (!(values instanceof Record)) checkNames(values, fields);
        ${all("prepare")}
        ${all("write")}
      }
    };`,
    { fields, types: [...fields.values()].map(({ type }) => type), checkNames },
  );
}

/** The source of one field in the class of records. */
interface FieldSource {
  readonly accessors: string;
  /** Its part of `get`. */
  readonly copy: string;
  /** Its first part of `set`: all values are checked before one is written. */
  readonly prepare: string;
  /** Its second part of `set`. */
  readonly write: string;
}

function fieldSource(
  name: string,
  { type, byteOffset }: PlacedField,
  typeName: string,
): FieldSource {
  const { read, copy, assign, prepare, write } = accessSource(
    type,
    typeName,
    `${START} + ${byteOffset}`,
    name,
  );
  const prepared = `$${name}`; // no field has a $ in its name
  return {
    accessors: `
      get ${name}() { return ${read}; }
      set ${name}(value) { ${assign("value")}; }`,
    copy: `${name}: ${copy},`,
    prepare: `
        let ${prepared} = values.${name};
        if (${prepared} !== undefined) { ${prepare(prepared)} }`,
    write: `
        if (${prepared} !== undefined) ${write(prepared)};`,
  };
}

function arrayClass(Record: RecordClass, stride: number): SeriesClass {
  // The iterator's result always has the same shape, so that V8 need not allocate it. The value of
  // the last result is a record too, which nobody reads.
  return compile(
    seriesSource({
      item: `{ value: new Record(${VIEW}, (done ? 0 : i) * ${stride}), done }`,
      methods: `at(index) { ${PLACE} return new Record(${VIEW}, i * ${stride}); }`,
    }),
    { Record },
  );
}

function columnClass(type: Layout, stride: number): SeriesClass {
  const { read, assign } = accessSource(type, "type", `i * ${stride}`, "column");
  return compile(
    seriesSource({
      item: `{ value: done ? undefined : ${read}, done }`,
      methods: `at(index) { ${PLACE} return ${read}; }
        set(index, value) { ${PLACE} ${assign("value")}; }`,
    }),
    { type },
  );
}

/** One byte: to read another one is an error. */
const GATE = new DataView(new ArrayBuffer(1));

/**
 * Sets `i` to the place of `index`. A wrong index reads a byte that `GATE` does not have. V8 makes
 * that a comparison, whose failure leaves the compiled code, and finds the `catch` unreachable; an
 * `if` would be a way out of the loop. `place` throws the error, or returns the place of an element
 * beyond the first 2 ** 32.
 */
const PLACE = `
  const length = ${LENGTH};
  let i = index < 0 ? index + length : index;
  try { GATE.getInt8(i >>> 0 === i && i < length ? 0 : 1); } catch { i = place(index, length); }`;

/** Iterators are objects of a class: a generator is never inlined into the loop that runs it. */
function seriesSource({ item, methods }: { item: string; methods: string }): string {
  return `
    class Items extends Iterator {
      constructor(view, length) { super(); ${VIEW} = view; ${LENGTH} = length; this.index = 0; }
      next() {
        const i = this.index++;
        const done = i >= ${LENGTH};
        return ${item};
      }
    }
    return class Series {
      constructor(view, length) { ${VIEW} = view; ${LENGTH} = length; }
      get length() { return ${LENGTH}; }
      [Symbol.iterator]() { return new Items(${VIEW}, ${LENGTH}); }
      ${methods}
    };`;
}

/** Expressions that read and write the value at `at` (see Layout). */
interface AccessSource {
  readonly read: string;
  readonly copy: string;
  /** A statement that prepares a variable's value. */
  prepare(variable: string): string;
  write(prepared: string): string;
  /** Writes a value that was not prepared. */
  assign(value: string): string;
}

function accessSource(type: Layout, typeName: string, at: string, name: string): AccessSource {
  if (type instanceof Scalar) {
    const read = type.readSource(VIEW, at);
    const write = (value: string): string => type.writeSource(VIEW, at, value);
    // Of a number where a bigint must be, V8 does not say what it was for.
    const telling = (action: string, value: string): string =>
      type.isBigInt
        ? `try { ${action} } catch (error) { throw notStored("${name}", ${value}, error); }`
        : action;
    return {
      read,
      copy: read,
      prepare: (value) => telling(`${value} = ${type.prepareSource(value)};`, value),
      write,
      assign: (value) => telling(write(value), value),
    };
  }
  const prepare = (value: string): string => `${typeName}.prepare(${value})`;
  const write = (prepared: string): string => `${typeName}.write(${VIEW}, ${at}, ${prepared})`;
  return {
    read: `${typeName}.read(${VIEW}, ${at})`,
    copy: `${typeName}.copy(${VIEW}, ${at})`,
    prepare: (value) => `${value} = ${prepare(value)};`,
    write,
    assign: (value) => write(prepare(value)),
  };
}

let compiled = 0;

/**
 * Runs source that returns a class and uses the names of `scope`. They become constants, which V8
 * embeds in its code; it would have to load parameters.
 */
function compile<Class>(source: string, scope: Record<string, unknown>): Class {
  const values = { GATE, notStored, place, ...scope };
  const constants = Object.keys(values).map((name) => `const ${name} = values.${name};`);
  return new Function(
    "values",
    `"use strict"; /* ${++compiled} */ ${constants.join("")} ${source}`,
  )(
    values,
  );
}

/** Whether source may be compiled: `--disallow-code-generation-from-strings` forbids it. */
function mayCompile(): boolean {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}

let classes: Classes | undefined;

/** The maker of the classes of this program's structs. */
export function makers(): Classes {
  return classes ??= mayCompile() ? { recordClass, arrayClass, columnClass } : interpreted;
}
