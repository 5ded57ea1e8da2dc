/**
 * A parent and its child share memory that has no name in the file system.
 *
 *     deno run --allow-ffi --allow-run examples/parent_child_anonymous.ts
 *
 * Deno has no fork, so the child is another program and maps the memory at an address of its own:
 * it gets there by the parent's descriptor, which `region.env()` names.
 */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.anonymous(4096);
const numbers = region.view(Int32Array, 0, 4);
numbers.set([1, 2, 3]);
console.log(`parent wrote ${numbers.subarray(0, 3).join(" ")}`);

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-ffi", import.meta.resolve("./parent_child_anonymous_child.ts")],
  env: region.env(),
  stdout: "inherit",
});
const { success } = await child.output();
if (!success) Deno.exit(1);

console.log(`parent reads the sum ${numbers[3]}`);
