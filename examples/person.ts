/**
 * C's `struct person { char name[4]; int age; }`, for struct_writer.ts and struct_reader.ts.
 * c/person.h is the same in C.
 */
import { chars, i32, struct } from "@mmap/mmap/struct";

/** Offset 0: name, 4 bytes, filled up with NUL. Offset 4: age, in the machine's byte order. */
export const Person = struct({ name: chars(4), age: i32 });
