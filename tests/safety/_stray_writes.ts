/** More stray writes than the guard takes page by page, each to a page before the last one's. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { PAGE } from "../_pages.ts";
import { makeSparseFile } from "../_files.ts";

const PAGES = 4000;
const path = makeSparseFile(Deno.args[0]!, PAGES * PAGE);
using region = MmapRegion.open(path);
const { bytes } = region;
for (let page = PAGES - 1; page >= 0; page--) bytes[page * PAGE] = 1 + page % 255;
let lost = 0;
for (let page = 0; page < PAGES; page++) if (bytes[page * PAGE] !== 1 + page % 255) lost++;
assertEquals([lost, region.faults], [0, PAGES]);
