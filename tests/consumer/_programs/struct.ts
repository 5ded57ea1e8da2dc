import { MmapRegion } from "@mmap/mmap";
import { chars, i32, struct, type StructValue } from "@mmap/mmap/struct";

const Person = struct({ name: chars(4), age: i32 });
type Person = StructValue<typeof Person>;

using region = MmapRegion.anonymous(4096);
const people = Person.array(region, { byteOffset: 0, length: 10 });
const ann: Person = { name: "Ann", age: 42 };
people.at(3).set(ann);
const age: number = people.at(3).age;
console.log(age, people.at(3).name, Person.byteLength, Person.offsets.age);

export function refused(): void {
  // @ts-expect-error: an age is a number
  people.at(0).age = "old";
  // @ts-expect-error: no such field
  people.at(0).height;
}
