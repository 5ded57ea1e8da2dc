/** Opens the leased file `Deno.args[1]`, which has the handle or the name `Deno.args[2]`. */

import { MmapRegion } from "@mmap/mmap";

const [way, path, more] = Deno.args.map((arg): string => JSON.parse(arg)) as [
  string,
  string,
  string,
];
const WAYS: Record<string, () => MmapRegion> = {
  "open()": () => MmapRegion.open(path),
  "open() for writing": () => MmapRegion.open(path, { access: "read-write" }),
  "open() with create": () =>
    MmapRegion.open(path, { access: "read-write", create: true, byteLength: 5000 }),
  "open() with truncate": () =>
    MmapRegion.open(path, { access: "read-write", truncate: true, byteLength: 5000 }),
  "attach()": () => MmapRegion.attach(more),
  "named()": () => MmapRegion.named(more),
};
try {
  using region = WAYS[way]!();
  console.log(`opened ${region.byteLength}`);
} catch (error) {
  console.log(String(error));
}
