/** Named shared memory while others make and remove it. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Child } from "../_child.ts";
import { onLinux, withName } from "./_names.ts";

/** Attaches again and again until its stdin ends, and prints how often what came of it. */
const LOOK = `
  import { MmapRegion } from "@mmap/mmap";
  const [name] = Deno.args;
  const counts = {};
  const outcome = () => {
    try {
      using region = MmapRegion.named(name);
      return "found " + region.byteLength;
    } catch (error) {
      return error.name;
    }
  };
  let done = false;
  Deno.stdin.readable.pipeTo(new WritableStream()).then(() => done = true);
  console.log("looking");
  while (!done) {
    for (let i = 0; i < 100; i++) {
      const seen = outcome();
      counts[seen] = (counts[seen] ?? 0) + 1;
    }
    await new Promise((resolve) => setTimeout(resolve));
    if (counts["found 5000"] > 20 && !counts.told) counts.told = console.log("seen") ?? 1;
  }
  delete counts.told;
  console.log(JSON.stringify(counts));
`;

Deno.test(
  "nobody ever sees an object that has no size yet",
  onLinux,
  () =>
    withName(async (name) => {
      await using child = new Child(LOOK, { args: [name] });
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
  onLinux,
  () =>
    withName(async (name) => {
      const code = `
      import { MmapRegion } from "@mmap/mmap";
      using region = MmapRegion.named(Deno.args[0], {
        create: true, byteLength: 64, unlinkOnClose: false,
      });
      console.log("ready");
      await Deno.stdin.readable.pipeTo(new WritableStream());
      Atomics.add(region.view(Int32Array), 0, 1);`;
      const children = Array.from({ length: 4 }, () => new Child(code, { args: [name] }));
      await Promise.all(children.map((child) => child.readLine()));
      await Promise.all(children.map((child) => child.ended()));
      using region = MmapRegion.named(name, { unlinkOnClose: true });
      assertEquals(region.view(Int32Array)[0], 4);
    }),
);
