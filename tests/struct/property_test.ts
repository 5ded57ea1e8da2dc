/** Random records: what was set is read, whatever the layout. */

import { bigEndian, type FieldType, struct } from "@mmap/mmap/struct";
import { assertEquals } from "@std/assert";
import { type AnyStruct, makeStruct, Random } from "./_generated.ts";

/** A record whose bytes are random; where a field has only some values, reading tidies them. */
function randomRecord(type: AnyStruct, random: Random): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: type.byteLength }, () => random.below(256));
}

Deno.test("set(get()) of any record gives an equal record, in any layout", () => {
  const random = new Random(3);
  for (let round = 0; round < 300; round++) {
    const type = makeStruct(random, { unions: false });
    const source = type.at(randomRecord(type, random));
    const value = tidied(source.get());
    for (const target of [type, bigEndian(type)]) {
      const misaligned = target.at(new Uint8Array(type.byteLength + 3), random.below(4));
      misaligned.set(value);
      assertEquals(misaligned.get(), value, `round ${round}`);
    }
    const nested = struct({ inner: type as FieldType }).at(new Uint8Array(type.byteLength));
    nested.set({ inner: value });
    assertEquals(nested.get(), { inner: value });
  }
});

Deno.test("Records, columns and properties agree, in any layout", () => {
  const random = new Random(4);
  for (let round = 0; round < 100; round++) {
    const type = makeStruct(random);
    const bytes = new Uint8Array(3 * type.byteLength);
    for (const i of [0, 1, 2]) bytes.set(randomRecord(type, random), i * type.byteLength);
    const records = type.array(bytes);
    const plain = [...records].map((record) => record.get());
    for (const name of Object.keys(type.offsets)) {
      const column = JSON.stringify([...records.column(name)], bigints);
      assertEquals(column, JSON.stringify(plain.map((value) => value[name]), bigints));
      assertEquals(column, JSON.stringify([...records].map((record) => record[name]), bigints));
    }
  }
});

Deno.test("Bytes of a record stay as they are when it is set to what it reads as", () => {
  const random = new Random(5);
  let compared = 0;
  for (let round = 0; round < 300; round++) {
    const type = makeStruct(random, { unions: false });
    const first = new Uint8Array(type.byteLength);
    type.at(first).set(tidied(type.at(randomRecord(type, random)).get()));
    const second = first.slice();
    type.at(second).set(type.at(first).get());
    assertEquals(second, first);
    compared += first.some((byte) => byte !== 0) ? 1 : 0;
  }
  assertEquals(compared > 250, true);
});

/** Random bytes are no text that survives: strings become some that fit. */
function tidied(value: unknown): never {
  const tidy = (part: unknown): unknown => {
    if (typeof part === "string") return part.replaceAll(/\P{ASCII}/gu, "").trim();
    if (Array.isArray(part)) return part.map(tidy);
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([key, each]) => [key, tidy(each)]));
  };
  return tidy(value) as never;
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
