/** The child of parent_child_anonymous.ts. */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.fromEnv();
const numbers = region.view(Int32Array, 0, 4);
const [a, b, c] = numbers as unknown as [number, number, number];
numbers[3] = a + b + c;
console.log(`child read ${a} ${b} ${c} and wrote their sum`);
