/** Regions that nobody closes: in children, which can ask for garbage collection. */

import { assertEquals } from "@std/assert";
import { resultOf } from "../_child.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const onLinux = Deno.build.os === "linux";

/**
 * Runs code in a child that has `held()`: how many mappings and descriptors of the region there
 * are; `collected()`: collects garbage until there are none; and `collect()`: does so many times.
 */
function withGarbage(code: string, marker: string): Promise<unknown> {
  return resultOf(
    `
    import { MmapRegion } from "@mmap/mmap";
    import { descriptorsOf, mapsOf } from "./tests/_process.ts";
    const marker = Deno.args[0];
    const held = () => [mapsOf(marker).length, descriptorsOf(marker).length];
    // Finalizers run in a turn of the event loop behind the collection.
    async function collect() {
      for (let i = 0; i < 10; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    async function collected() {
      for (let i = 0; i < 50 && held().some((count) => count > 0); i++) await collect();
      return held();
    }
    ${code}
  `,
    { args: [marker], v8Flags: "--expose-gc" },
  );
}

const FILE = `MmapRegion.open(marker, { access: "read-write" })`;
const SOURCES: Record<string, { make: string; marker?: string; held: number[] }> = {
  "a file": { make: FILE, held: [1, 1] },
  "anonymous shared memory": {
    make: `MmapRegion.anonymous(${PAGE}, { label: marker })`,
    marker: "forgotten_shared",
    held: [1, 1],
  },
};

for (const [name, { make, marker, held }] of Object.entries(SOURCES)) {
  Deno.test({
    name: `a forgotten region of ${name} gives its memory and its descriptor back`,
    ignore: !onLinux,
    fn: () =>
      withTempDir(async (dir) => {
        const result = await withGarbage(
          `
          function forget() {
            const region = ${make};
            region.bytes[0] = 7;
            return held();
          }
          const before = forget();
          console.log(JSON.stringify([before, await collected()]));
        `,
          marker ?? makeFile(dir, PAGE),
        );
        assertEquals(result, [held, [0, 0]]);
      }),
  });
}

Deno.test({
  name: "a forgotten region of private memory gives its memory back",
  ignore: !onLinux,
  async fn(): Promise<void> {
    const result = await withGarbage(
      `
      const resident = () => Number(Deno.readTextFileSync("/proc/self/statm").split(" ")[1]);
      function forget() {
        MmapRegion.anonymous(2 ** 26, { sharing: "private" }).bytes.fill(1);
      }
      forget();
      const full = resident();
      const pages = 2 ** 26 / ${PAGE};
      for (let i = 0; i < 50 && full - resident() < pages * 0.9; i++) await collect();
      console.log(full - resident() >= pages * 0.9);
    `,
      "no marker",
    );
    assertEquals(result, true);
  },
});

/** What alone can keep a mapping alive. */
const HOLDERS: Record<string, { hold: string; read: string }> = {
  "the region": { hold: "region", read: "holder.bytes[0]" },
  "its bytes": { hold: "region.bytes", read: "holder[0]" },
  "a view": { hold: "region.view(Int32Array)", read: "holder[0]" },
  "a DataView": { hold: "region.dataView()", read: "holder.getUint8(0)" },
  "its buffer": { hold: "region.buffer", read: "new Uint8Array(holder)[0]" },
  "a subarray": { hold: "region.bytes.subarray(0, 1)", read: "holder[0]" },
};

for (const [name, { hold, read }] of Object.entries(HOLDERS)) {
  Deno.test({
    name: `a mapping lives as long as ${name} does, and no longer`,
    ignore: !onLinux,
    fn: () =>
      withTempDir(async (dir) => {
        const result = await withGarbage(
          `
          function make() {
            const region = ${FILE};
            return ${hold};
          }
          async function hold() {
            const holder = make();
            await collect();
            return [held(), ${read}];
          }
          console.log(JSON.stringify([await hold(), await collected()]));
        `,
          makeFile(dir, Uint8Array.of(42, 0, 0, 0)),
        );
        assertEquals(result, [[[1, 1], 42], [0, 0]]);
      }),
  });
}

Deno.test({
  name: "a forgotten region whose buffer was transferred lives as long as the thief has its memory",
  ignore: !onLinux,
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, new Uint8Array(PAGE).fill(42));
      const result = await withGarbage(
        `
        function steal() {
          const region = ${FILE};
          return new Uint8Array(region.buffer.transfer());
        }
        let stolen = steal();
        const left = await collected();
        const after = [stolen.length, stolen[0]];
        stolen.fill(99);
        stolen = undefined;
        console.log(JSON.stringify([left, after, await collected()]));
      `,
        path,
      );
      assertEquals(result, [[1, 1], [PAGE, 42], [0, 0]]);
      assertEquals(Deno.readFileSync(path), new Uint8Array(PAGE).fill(99));
    }),
});

Deno.test({
  name: "a forgotten region that was resized gives its last mapping back",
  ignore: !onLinux,
  fn: () =>
    withTempDir(async (dir) => {
      const result = await withGarbage(
        `
        function forget() {
          const region = ${FILE};
          for (const pages of [3, 200, 7]) region.resize(pages * ${PAGE});
          return held();
        }
        console.log(JSON.stringify([forget(), await collected()]));
      `,
        makeFile(dir, PAGE),
      );
      assertEquals(result, [[1, 1], [0, 0]]);
    }),
});

Deno.test({
  name: "a closed region is not given back a second time when it is collected",
  ignore: !onLinux,
  fn: () =>
    withTempDir(async (dir) => {
      const result = await withGarbage(
        `
        function closeOne() {
          ${FILE}.close();
        }
        closeOne();
        // The next one gets the addresses and the descriptor of the one before.
        const region = ${FILE};
        await collect();
        console.log(JSON.stringify([held(), region.bytes[0]]));
      `,
        makeFile(dir, Uint8Array.of(42)),
      );
      assertEquals(result, [[1, 1], 42]);
    }),
});

Deno.test({
  name: "10,000 forgotten regions give all their descriptors and mappings back",
  ignore: !onLinux,
  async fn(): Promise<void> {
    const result = await withGarbage(
      `
      for (let i = 0; i < 10_000; i++) {
        MmapRegion.anonymous(1, { label: marker });
        if (i % 500 === 0) await collect();
      }
      console.log(JSON.stringify(await collected()));
    `,
      "forgotten_many",
    );
    assertEquals(result, [0, 0]);
  },
});
