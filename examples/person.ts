/**
 * C's `struct person { char name[4]; int age; }` over mapped bytes, for struct_writer.ts and
 * struct_reader.ts. c/person.h is the same in C.
 *
 *     offset 0: name, 4 bytes, filled up with NUL
 *     offset 4: age, 32 bits, signed, the machine's byte order
 */
import type { MmapRegion } from "@mmap/mmap";

/** A record, as JavaScript has it. */
export interface Person {
  name: string;
  age: number;
}

/** `sizeof(struct person)` */
export const PERSON_BYTE_LENGTH = 8;

/** Stores a record in its place in the array. */
export function writePerson(region: MmapRegion, index: number, { name, age }: Person): void {
  const start = index * PERSON_BYTE_LENGTH;
  const field = region.view(Uint8Array, start, 4).fill(0);
  new TextEncoder().encodeInto(name, field);
  region.view(Int32Array, start + 4, 1)[0] = age;
}

/** Loads a record from its place in the array. */
export function readPerson(region: MmapRegion, index: number): Person {
  const start = index * PERSON_BYTE_LENGTH;
  const [name] = new TextDecoder().decode(region.view(Uint8Array, start, 4)).split("\0");
  return { name: name!, age: region.view(Int32Array, start + 4, 1)[0]! };
}
