/**
 * C structs in shared memory: layouts, records, arrays, columns, atomic fields, and the same struct
 * for programs in C.
 *
 *     deno run --allow-ffi examples/structs.ts
 */
import { MmapRegion } from "@mmap/mmap";
import {
  array,
  bigEndian,
  chars,
  cHeader,
  f64,
  i32,
  packed,
  struct,
  type StructValue,
  u16,
  u64,
  u8,
} from "@mmap/mmap/struct";

// The layout is that of C: padding where a C compiler has it.
const Position = struct({ x: f64, y: f64 });
const Ship = struct({
  name: chars(10),
  crew: u8,
  position: Position,
  cargo: array(i32, 3),
  visits: u64,
});
type Ship = StructValue<typeof Ship>;
console.log(`${Ship.byteLength} bytes, offsets ${Object.values(Ship.offsets).join(" ")}`);

using region = MmapRegion.anonymous(5 * Ship.byteLength);
const fleet = Ship.array(region);

// A record is a place in memory: setting a field writes to it at once.
const first = fleet.at(0);
first.name = "Santa Fé";
first.position.x = 1.5;
first.cargo = [10, 20, 30];
first.cargo[1]! += 5;
first.set({ crew: 40 }); // the other fields do not change
const copy: Ship = first.get();
console.log(`${copy.name}: crew ${copy.crew}, x ${copy.position.x}, cargo ${copy.cargo}`);

// Other processes may count too.
const visits = first.atomic("visits");
visits.add(2n);
console.log(`visits ${visits.load()}`);

// A column is one field of all records.
const crews = fleet.column("crew");
for (let i = 1; i < crews.length; i++) crews.set(i, i);
console.log(`crews ${[...crews].join(" ")}, last ${fleet.at(-1).crew}`);

// Text that does not fit is an error, and nothing is written.
try {
  first.name = "Santa Fé de Bogotá";
} catch (error) {
  console.log(`${error}`);
}

// No padding, most significant byte first: as in protocols.
const Header = packed({ version: u8, port: bigEndian(u16) });
const packet = new Uint8Array(Header.byteLength);
Header.at(packet).set({ version: 1, port: 8080 });
console.log(`packet ${packet.toHex()}`);

// The same for a C program; pythonCtypes and rustStruct do it for Python and Rust.
console.log(cHeader(Position, "Position").split("\n").filter((line) => /^ /.test(line)).join(""));
