/** A region that somebody still uses is resized when its table has no slot left: then nothing changes. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { processTable } from "../../ffi/guard/guard.ts";
import { SLOT_COUNT } from "../../ffi/guard/layout.ts";
import type { GuardSlot } from "../../ffi/guard/slot.ts";
import { makeFifo } from "../_fifo.ts";
import { PAGE } from "../_pages.ts";

const dir = Deno.makeTempDirSync();
const path = `${dir}/file`;
Deno.writeFileSync(path, new Uint8Array(PAGE));
using region = MmapRegion.open(path, { access: "read-write" });
region.bytes[0] = 7;
makeFifo(`${dir}/fifo`);
using fifo = Deno.openSync(`${dir}/fifo`, { read: true, write: true });
const reading = fifo.read(region.bytes.subarray(8, 9));

const slots: GuardSlot[] = [];
for (let slot; (slot = processTable()!.tryTake()) !== undefined;) slots.push(slot);
assertEquals(slots.length < SLOT_COUNT, true);
assertThrows(() => region.resize(64 * PAGE), Error, "Cannot guard region");
assertEquals([region.byteLength, region.bytes[0], MmapRegion.held], [PAGE, 7, 0]);
assertEquals(Deno.statSync(path).size, PAGE);

slots.pop()!.free();
region.resize(64 * PAGE);
assertEquals([region.byteLength, region.bytes[0], MmapRegion.held], [64 * PAGE, 7, 1]);
fifo.writeSync(Uint8Array.of(9));
await reading;
Deno.removeSync(dir, { recursive: true });
console.log("alive");
