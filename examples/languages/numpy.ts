/**
 * numpy calculates on Deno's memory, in place.
 *
 *     deno run --allow-ffi --allow-run examples/languages/numpy.ts [python3]
 */
import { MmapRegion } from "@mmap/mmap";

const [python = "python3"] = Deno.args;
using region = MmapRegion.anonymous(1_000_000 * 8);
const numbers = region.view(Float64Array).fill(1.5);
const { pid, fd } = region.handle();

const { stdout, success } = await new Deno.Command(python, {
  args: [`${import.meta.dirname}/numpy_double.py`, `/proc/${pid}/fd/${fd}`],
  stderr: "inherit",
}).output();
if (!success) Deno.exit(1);
console.log(`numpy doubled ${numbers.length} numbers, and their sum is`);
console.log(new TextDecoder().decode(stdout).trimEnd());
console.log(`Deno finds ${numbers[0]} at the beginning and ${numbers.at(-1)} at the end`);
