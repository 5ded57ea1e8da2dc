/**
 * Reads the array of C structs that struct_writer.ts or c/person_writer.c wrote.
 *
 *     deno run --allow-ffi examples/struct_reader.ts people.bin
 */
import { MmapRegion } from "@mmap/mmap";
import { Person } from "./person.ts";

using region = MmapRegion.open(Deno.args[0] ?? "people.bin");
for (const { name, age } of Person.array(region)) console.log(`${name} ${age}`);
