/**
 * The classes that a struct's records, arrays and columns are made of, as source text.
 *
 * Each struct needs classes with code of their own. V8 keeps what it learns (which classes are seen
 * at a place, what is called there) per function of the source text, not per closure: where all
 * structs share one `at` and one set of accessors, a program with a second struct makes them
 * megamorphic, `new Record` is a real allocation again, and `people.at(i).age` takes five times as
 * long. A class that was compiled for its struct keeps them apart, and then the compiler turns
 * `people.at(i).age` into a load without any object.
 *
 * Nothing of a caller's gets into the source but field names, which are identifiers (see
 * checkName), and numbers.
 *
 * The two properties of a record are named, not private: V8 takes those out of loops, and private
 * ones not. No field can have their names.
 */

import type { Layout } from "./field_type.ts";
import { place } from "./numbers.ts";
import { Scalar } from "./scalar.ts";

/** Where a record lies: the memory, and the offset in it. */
export interface Located {
  readonly "#view": DataView;
  readonly "#start": number;
}

/** A field of a struct. */
export interface Placed {
  readonly type: Layout;
  readonly byteOffset: number;
}

/** Constructs a record. */
export type RecordClass = new (view: DataView, start: number) => Located;

/** Constructs an array of records, or a column of one. */
export type SeriesClass = new (view: DataView, start: number, length: number) => Series;

/** An array of records, or a column. */
export interface Series extends Located {
  readonly length: number;
  at(index: number): unknown;
}

const VIEW = 'this["#view"]';
const START = 'this["#start"]';
const LENGTH = 'this["#length"]';

/** The class of a struct's records, with one accessor for each field. */
export function recordClass(fields: ReadonlyMap<string, Placed>): RecordClass {
  const types = [...fields.values()].map(({ type }) => type);
  const accessors = [...fields].map(([name, { type, byteOffset }], i) => {
    const at = `${START} + ${byteOffset}`;
    return `
      get ${name}() { return ${readSource(type, `types[${i}]`, at)}; }
      set ${name}(value) { ${writeSource(type, `types[${i}]`, at)}; }`;
  });
  return compile(
    `class Record {
      constructor(view, start) { ${VIEW} = view; ${START} = start; }
      ${accessors.join("")}
    }`,
    { types },
  );
}

/** The class of arrays of records. */
export function arrayClass(Record: RecordClass, stride: number): SeriesClass {
  return compile(seriesSource(stride, (at) => `new Record(${VIEW}, ${at})`), {
    Record,
    place,
  });
}

/**
 * The class of columns: every `stride` bytes a value of `type`. Its view must end with the last
 * value: for scalars, the view's own check of its bounds is the only one against indices too large.
 */
export function columnClass(type: Layout, stride: number): SeriesClass {
  const beyond = type instanceof Scalar ? "" : BEYOND;
  const more = `set(index, value) {
    ${indexSource(beyond)}
    ${writeSource(type, "type", `${START} + i * ${stride}`)};
  }`;
  const source = seriesSource(stride, (at) => readSource(type, "type", at), { beyond, more });
  return compile(source, { type, place });
}

/** Sets `i`. The test is all that a loop runs of it; it also refuses fractions. */
function indexSource(beyond: string): string {
  return `let i = index | 0;
    if (i !== index || i < 0${beyond}) i = place(index, ${LENGTH});`;
}

const BEYOND = ` || i >= ${LENGTH}`;

/** Iterators are objects of a class: a generator is never inlined into the loop that runs it. */
const ITEMS = `class Items extends Iterator {
    constructor(series) { super(); this.series = series; this.index = 0; }
    next() {
      return this.index < this.series.length
        ? { value: this.series.at(this.index++), done: false }
        : { value: undefined, done: true };
    }
  }`;

function seriesSource(
  stride: number,
  element: (at: string) => string,
  { beyond = BEYOND, more = "" } = {},
): string {
  return `class Series {
    constructor(view, start, length) { ${VIEW} = view; ${START} = start; ${LENGTH} = length; }
    get length() { return ${LENGTH}; }
    at(index) {
      ${indexSource(beyond)}
      return ${element(`${START} + i * ${stride}`)};
    }
    [Symbol.iterator]() {
      return new Items(this);
    }
    ${more}
  }`;
}

function readSource(type: Layout, name: string, at: string): string {
  return type instanceof Scalar ? type.readSource(VIEW, at) : `${name}.read(${VIEW}, ${at})`;
}

function writeSource(type: Layout, name: string, at: string): string {
  return type instanceof Scalar
    ? type.writeSource(VIEW, at, "value")
    : `${name}.write(${VIEW}, ${at}, ${name}.prepare(value))`;
}

/** Evaluates a class expression that uses the names of `scope`. */
function compile<Class>(source: string, scope: Record<string, unknown>): Class {
  const names = Object.keys(scope);
  return new Function(...names, `"use strict"; ${ITEMS}; return ${source}`)(
    ...Object.values(scope),
  );
}
