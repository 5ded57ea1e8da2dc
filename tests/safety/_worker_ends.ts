/**
 * What Workers leave that end with regions open, by themselves or by force: nothing, once nobody uses
 * their memory. Prints what is left of ten rounds; the argument is a file.
 */

import { assert, assertEquals } from "@std/assert";
import { descriptorsOf, mapsOf } from "../_process.ts";
import { processTable } from "../../ffi/guard/guard.ts";
import { HEADER_BYTE_LENGTH, SLOT_BYTE_LENGTH } from "../../ffi/guard/layout.ts";
import { MmapRegion } from "@mmap/mmap";
import { PAGE } from "../_pages.ts";

const [path] = Deno.args as [string];

MmapRegion.open(path).close(); // makes the table
const { halves } = processTable()!;

/** Slots of the process's table that somebody has. */
function claimed(): number {
  let count = 0;
  for (let i = 0; i < halves[2]!; i++) {
    count += halves[(HEADER_BYTE_LENGTH + i * SLOT_BYTE_LENGTH + 48) / 4]!;
  }
  return count;
}

interface Left {
  readonly maps: number;
  readonly descriptors: number;
  readonly slots: number;
}

function left(): Left {
  return {
    maps: mapsOf(path).length + mapsOf("left by a Worker").length,
    descriptors: descriptorsOf(path).length + descriptorsOf("left by a Worker").length,
    slots: claimed(),
  };
}

/** Waits until a Worker's isolate is gone, which nothing tells: until all is given back, or for long. */
async function until(expected: Left): Promise<void> {
  for (let turn = 0; turn < 2000 && left().slots > expected.slots; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertEquals(left(), expected);
}

function start(ends: boolean): { worker: Worker; message: Promise<unknown> } {
  const worker = new Worker(new URL("_leaving_worker.ts", import.meta.url), { type: "module" });
  const message = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  worker.postMessage({ path, ends });
  return { worker, message };
}

const nothing = left();
for (const ends of [false, true]) {
  for (let round = 0; round < 3; round++) {
    const { worker, message } = start(ends);
    const buffer = await message as ArrayBuffer;
    assert(left().maps > 0 && left().slots > nothing.slots);
    if (!ends) worker.terminate();
    // Of all that the Worker had, one buffer came here: its memory stays, with what it needs.
    await until({ maps: 1, descriptors: 1, slots: nothing.slots + 1 });
    assertEquals(new Uint8Array(buffer)[PAGE - 1], 7);
    buffer.transfer(0);
    await until(nothing);
  }
}
console.log("nothing left");
