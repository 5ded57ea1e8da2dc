/**
 * Reads the array of C structs that struct_writer.ts or c/person_writer.c wrote.
 *
 *     deno run --allow-ffi examples/struct_reader.ts people.bin
 */
import { MmapRegion } from "@mmap/mmap";
import { PERSON_BYTE_LENGTH, readPerson } from "./person.ts";

using region = MmapRegion.open(Deno.args[0] ?? "people.bin");
for (let index = 0; index < region.byteLength / PERSON_BYTE_LENGTH; index++) {
  const { name, age } = readPerson(region, index);
  console.log(`${name} ${age}`);
}
