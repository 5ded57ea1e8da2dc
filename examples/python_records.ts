/**
 * A record, numbers and a lock in memory that Deno and Python share.
 *
 *     deno run --allow-ffi --allow-read --allow-run examples/python_records.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { chars, i32, struct } from "@mmap/mmap/struct";
import { Mutex } from "@mmap/mmap/sync";

const Person = struct({ name: chars(4), age: i32 });
using region = MmapRegion.anonymous(4096);
const mutex = new Mutex(region);
const person = Person.at(region, 64);
{
  using _guard = mutex.lockSync();
  person.set({ name: "Anna", age: 41 });
}
const numbers = region.view(Float64Array, 128, 3);
numbers.set([1.5, 2.5]);

const program = `${import.meta.dirname}/python/records.py`;
const { code, stdout } = await new Deno.Command("python3", {
  args: [program],
  env: {
    ...region.env(),
    PYTHONPATH: `${import.meta.dirname}/../languages/python`, // mmap_peer.py
    PYTHONDONTWRITEBYTECODE: "1",
  },
  stderr: "inherit",
}).output();
if (code !== 0) Deno.exit(code);
console.log(new TextDecoder().decode(stdout).trimEnd());
console.log(`Deno sees ${person.name}, ${person.age}, and ${numbers[2]}`);
