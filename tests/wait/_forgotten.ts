/**
 * Prints whether the name of a region that was forgotten lives: with another region of its file open,
 * and when that is closed too. The argument is the file.
 */

import { MmapRegion } from "@mmap/mmap";
import { O_RDWR } from "../../ffi/constants.ts";
import { open } from "../../ffi/file_calls.ts";
import { isLocked } from "../../ffi/file_lock.ts";
import type { Name } from "../../src/os/system.ts";
import { backingOf } from "../../src/region/mmap_region.ts";
import { threadsOf } from "../../src/wait/holder.ts";
import { mapsOf } from "../_process.ts";

const [path] = Deno.args as [string];
const { gc } = globalThis as unknown as { gc(): void };
const witness = open(path, O_RDWR);
const lives = ({ number, fingerprint }: Name): boolean => isLocked(witness, number, fingerprint);

function join(): { region: MmapRegion; name: Name } {
  const region = MmapRegion.open(path, { access: "read-write" });
  const { number, fingerprint } = threadsOf(backingOf(region)).self();
  return { region, name: { number, fingerprint } };
}

function forget(): Name {
  return join().name;
}

const kept = join();
const name = forget();
for (let turn = 0; turn < 1000 && mapsOf(path).length > 1; turn++) {
  gc();
  await new Promise((resolve) => setTimeout(resolve));
}
const beside = [mapsOf(path).length, lives(name), lives(kept.name)];
kept.region.close();
console.log(JSON.stringify({ beside, after: [lives(name), lives(kept.name)] }));
