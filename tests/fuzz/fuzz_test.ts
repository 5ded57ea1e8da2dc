/** A little of the fuzzer with every run of the tests; `deno task fuzz` runs more of it. */

import { assertEquals } from "@std/assert";
import { fuzz } from "./supervisor.ts";

Deno.test({
  name: "MmapRegion survives random sequences of all of its operations",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const task = { seed: 1, first: 0, length: 200, operations: 4000, seconds: 60 };
    const { failure, signals } = await fuzz(task);
    assertEquals([failure, signals], [undefined, 0]);
  },
});
