/** A process of the demo: counts the words of its slice of the parent's mapping. */

import { MmapRegion } from "@mmap/mmap";
import { countWords } from "./words.ts";

const [index, start, end] = Deno.args.map(Number) as [number, number, number];

using file = MmapRegion.fromEnv("DEMO_FILE");
using results = MmapRegion.fromEnv("DEMO_RESULTS");

const began = performance.now();
const words = countWords(file.bytes.subarray(start, end));
// The parent reads these when this process has ended, so nothing else has to tell it.
results.view(Float64Array, index * 16, 2).set([words, performance.now() - began]);
