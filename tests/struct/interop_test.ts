/** Records in a mapped file, shared with programs in C. */

import {
  array,
  bool,
  chars,
  cHeader,
  f32,
  f64,
  i16,
  i64,
  packed,
  struct,
  type StructValue,
  u32,
  u8,
} from "@mmap/mmap/struct";
import { MmapRegion } from "@mmap/mmap";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { onBothFileSystems } from "../_files.ts";
import { compileC, needsC, programIn, textOfC } from "../_gcc.ts";

const Sample = struct({
  name: chars(5),
  weight: f64,
  levels: array(i16, 3),
  header: packed({ version: u8, total: i64 }),
  ok: bool,
  ratio: f32,
  serial: u32,
});

const SAMPLES: StructValue<typeof Sample>[] = [
  {
    name: "Ann",
    weight: 0.1,
    levels: [-1, 0, 32767],
    header: { version: 255, total: -(1n << 63n) },
    ok: true,
    ratio: 0.25,
    serial: 4294967295,
  },
  {
    name: "Emmas",
    weight: -1e300,
    levels: [1, 2, 3],
    header: { version: 1, total: 12345678901234567n },
    ok: false,
    ratio: -8,
    serial: 7,
  },
];

const LINES = [
  "Ann 0.1 -1 0 32767 255 -9223372036854775808 1 0.25 4294967295",
  "Emmas -1e+300 1 2 3 1 12345678901234567 0 -8 7",
];

/** Compiles a program of this folder with the header of the struct, and runs it on a file. */
async function runC(name: string, dir: string, path: string): Promise<string[]> {
  const program = programIn(dir);
  await Deno.writeTextFile(join(dir, "sample.h"), cHeader(Sample, "Sample"));
  const source = await Deno.readTextFile(new URL(name, import.meta.url));
  await compileC(source, { args: ["-I", dir, "-o", program] });
  const { success, stdout } = await new Deno.Command(program, { args: [path] }).output();
  assert(success);
  return textOfC(stdout).trimEnd().split("\n");
}

if (!needsC.ignore) {
  onBothFileSystems("A C program reads the records that Deno wrote to a file", async (dir) => {
    const path = join(dir, "samples.bin");
    {
      const byteLength = SAMPLES.length * Sample.byteLength;
      using region = MmapRegion.open(path, { access: "read-write", create: true, byteLength });
      const samples = Sample.array(region);
      SAMPLES.forEach((sample, i) => samples.at(i).set(sample));
    }
    assertEquals(await runC("_samples_reader.c", dir, path), LINES);
  });

  onBothFileSystems("Deno reads the records that a C program wrote to a file", async (dir) => {
    const path = join(dir, "samples.bin");
    await runC("_samples_writer.c", dir, path);
    using region = MmapRegion.open(path);
    assertEquals([...Sample.array(region)].map((sample) => sample.get()), SAMPLES);
  });
} else {
  Deno.test({
    name: "Records are shared with C programs (needs gcc)",
    ignore: true,
    fn(): void {},
  });
}
