/** Named shared memory while others make and remove it. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Child } from "../_child.ts";
import { withName } from "./_names.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

Deno.test(
  "nobody ever sees an object that has no size yet",
  () =>
    withName(async (name) => {
      await using child = new Child(PROGRAM, { args: ["look", name] });
      assertEquals(await child.readLine(), "looking");
      let seen = false;
      const told = child.readLine().then((line) => seen = line === "seen");
      const deadline = Date.now() + 30_000;
      for (let i = 0; i < 500 || !seen && Date.now() < deadline; i++) {
        MmapRegion.named(name, { createNew: true, byteLength: 5000 }).close();
        if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
      assert(seen, "The child has never found the object");
      await told;
      const counts = (child.ended(), JSON.parse(await child.readLine()));
      delete counts.NotFound;
      assertEquals(Object.keys(counts), ["found 5000"]);
    }),
);

Deno.test(
  "MmapRegion.named() with create gives all who race for it the same object",
  () =>
    withName(async (name) => {
      const children = Array.from(
        { length: 4 },
        () => new Child(PROGRAM, { args: ["race", name] }),
      );
      await Promise.all(children.map((child) => child.readLine()));
      using region = MmapRegion.named(name, { unlinkOnClose: true }); // the name may go with its creator
      await Promise.all(children.map((child) => child.ended()));
      assertEquals(region.view(Int32Array)[0], 4);
    }),
);
