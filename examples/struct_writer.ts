/**
 * Writes an array of C structs into a mapped file; struct_reader.ts and c/person_reader.c read it.
 *
 *     deno run --allow-ffi examples/struct_writer.ts people.bin
 */
import { MmapRegion } from "@mmap/mmap";
import { Person } from "./person.ts";

const people = [
  { name: "Ann", age: 31 },
  { name: "Bo", age: 7 },
  { name: "Emma", age: 102 }, // four bytes: no room for a NUL, and none needed
];

using region = MmapRegion.open(Deno.args[0] ?? "people.bin", {
  access: "read-write",
  create: true,
  truncate: true,
  byteLength: people.length * Person.byteLength,
});
const records = Person.array(region);
for (const [index, person] of people.entries()) records.at(index).set(person);
console.log(`wrote ${people.length} records, ${region.byteLength} bytes`);
