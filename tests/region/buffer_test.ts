/** What becomes of a region whose buffer was taken away: in children, since the fear is a crash. */

import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { makeFile, onBothFileSystems, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";

/** Ways to take a buffer from its region; each is code that sets `stolen`, a Uint8Array. */
const THEFTS: Record<string, string> = {
  "transfer()": `const stolen = new Uint8Array(region.buffer.transfer());`,
  "transferToFixedLength()":
    `const stolen = new Uint8Array(region.buffer.transferToFixedLength());`,
  "structuredClone()": `
    const { buffer } = region;
    const stolen = new Uint8Array(structuredClone(buffer, { transfer: [buffer] }));`,
  "a MessageChannel": `
    const { port1, port2 } = new MessageChannel();
    const received = new Promise((resolve) => port2.onmessage = ({ data }) => resolve(data));
    port1.postMessage(region.buffer, [region.buffer]);
    const stolen = new Uint8Array(await received);
    port1.close();
    port2.close();`,
  "markAsUntransferable()": `
    const { markAsUntransferable } = await import("node:worker_threads");
    markAsUntransferable(region.buffer);
    const stolen = region.bytes;`,
};

/** Steals, closes, and reads and writes what was stolen. */
function stealAndClose(theft: string, path: string): Promise<unknown> {
  return resultOf(
    `
    import { MmapRegion } from "@mmap/mmap";
    const region = MmapRegion.open(Deno.args[0], { access: "read-write" });
    ${theft}
    const before = [stolen.length, stolen[0]];
    stolen[1] = 200; // still the file's memory
    region.close();
    region.close();
    const after = [stolen.length, Math.max(...stolen)];
    stolen.fill(99);
    console.log(JSON.stringify({ before, after, last: stolen.at(-1), closed: region.closed }));
  `,
    { args: [path] },
  );
}

for (const [name, theft] of Object.entries(THEFTS)) {
  onBothFileSystems(`MmapRegion.close() turns memory stolen by ${name} into zeros`, async (dir) => {
    const path = makeFile(dir, PAGE + 10);
    const content = pattern(PAGE + 10);
    assertEquals(await stealAndClose(theft, path), {
      before: [PAGE + 10, content[0]],
      after: [PAGE + 10, 0],
      last: 99,
      closed: true,
    });
    content[1] = 200;
    assertEquals(Deno.readFileSync(path), content);
  });
}

onBothFileSystems("MmapRegion.close() turns memory posted to a Worker into zeros", async (dir) => {
  const path = makeFile(dir, PAGE);
  const result = await resultOf(
    `
    import { MmapRegion } from "@mmap/mmap";
    const region = MmapRegion.open(Deno.args[0], { access: "read-write" });
    const code = \`
      let bytes;
      self.onmessage = ({ data }) => {
        if (data instanceof ArrayBuffer) bytes = new Uint8Array(data);
        else if (data !== "read") bytes.fill(data);
        self.postMessage([bytes.length, bytes[0]]);
      };
    \`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])), { type: "module" });
    const ask = (message, transfer = []) =>
      new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage(message, transfer);
      });
    const { buffer } = region;
    const answers = [await ask(buffer, [buffer]), await ask(201)];
    region.close();
    answers.push(await ask("read"), await ask(99));
    worker.terminate();
    console.log(JSON.stringify(answers));
  `,
    { args: [path] },
  );
  assertEquals(result, [[PAGE, pattern(1)[0]], [PAGE, 201], [PAGE, 0], [PAGE, 99]]);
  assertEquals(Deno.readFileSync(path), new Uint8Array(PAGE).fill(201));
});

onBothFileSystems("MmapRegion goes on without a buffer that was transferred away", async (dir) => {
  const path = makeFile(dir, 4 * PAGE);
  const result = await resultOf(
    `
    import { MmapRegion } from "@mmap/mmap";
    using region = MmapRegion.open(Deno.args[0], { access: "read-write" });
    const { length } = region.bytes;
    const stolen = new Uint8Array(region.buffer.transfer());
    const told = [];
    for (const use of [
      () => region.bytes,
      () => region.view(Uint8Array),
      () => region.dataView(),
      () => region.resize(length * 2),
      () => region.resize(10),
    ]) {
      try {
        use();
        told.push("no error");
      } catch (error) {
        told.push(error.constructor.name + ": " + error.message);
      }
    }
    stolen[0] = 7;
    region.flushSync();
    await region.flush();
    region.discard({ byteOffset: 1, byteLength: 1 });
    region.tryWrite(Uint8Array.of(8), 2);
    const copy = new Uint8Array(3);
    region.tryRead(copy, 0);
    const { residentPages } = region.residency();
    told.push([...copy], residentPages, region.byteLength, Deno.statSync(Deno.args[0]).size);
    console.log(JSON.stringify(told));
  `,
    { args: [path] },
  );
  const errors = ["view", "view", "view", "resize", "resize"].map((verb) =>
    `TypeError: Cannot ${verb} region as its buffer was transferred away`
  );
  assertEquals(result, [...errors, [7, 0, 8], 4, 4 * PAGE, 4 * PAGE]);
});

Deno.test("MmapRegion.close() is not led astray by replaced prototypes", async () => {
  const result = await resultOf(`
    import { MmapRegion } from "@mmap/mmap";
    const region = MmapRegion.anonymous(${PAGE});
    const { bytes } = region;
    bytes.fill(7);
    ArrayBuffer.prototype.transfer = function () { return this; };
    Object.defineProperty(ArrayBuffer.prototype, "detached", { get: () => true });
    Object.defineProperty(ArrayBuffer.prototype, "byteLength", { get: () => 0 });
    Reflect.apply = () => {};
    region.close();
    console.log(JSON.stringify([bytes.length, bytes[0] === undefined]));
  `);
  assertEquals(result, [0, true]);
});

Deno.test("MmapRegion.bytes is one object until the region is resized", () => {
  using region = MmapRegion.anonymous(PAGE);
  const { bytes, buffer } = region;
  assertStrictEquals(region.bytes, bytes);
  assertStrictEquals(region.buffer, buffer);
  assertStrictEquals(bytes.buffer, buffer);
  assertStrictEquals(region.view(Float64Array).buffer, buffer);
  assertStrictEquals(region.dataView().buffer, buffer);
  region.resize(2 * PAGE);
  assertNotStrictEquals(region.bytes, bytes);
  assertStrictEquals(region.bytes, region.bytes);
});

Deno.test("MmapRegion.buffer is copied by structuredClone() without a transfer", () => {
  using region = MmapRegion.anonymous(PAGE);
  region.bytes.fill(7);
  const copy = new Uint8Array(structuredClone(region.buffer));
  region.bytes.fill(8);
  assertEquals([copy.length, copy[0], region.bytes[0]], [PAGE, 7, 8]);
});
