/** What becomes of a region whose buffer is taken away. Each action takes the path of a file. */

import { MmapRegion } from "@mmap/mmap";
import { markAsUntransferable } from "node:worker_threads";
import { act, scope, startWorker } from "../_act.ts";
import { PAGE } from "../_pages.ts";

/** Ways to take a buffer from its region. */
const THEFTS: Record<string, (region: MmapRegion) => Uint8Array | Promise<Uint8Array>> = {
  "transfer()": ({ buffer }) => new Uint8Array(buffer.transfer()),
  "transferToFixedLength()": ({ buffer }) => new Uint8Array(buffer.transferToFixedLength()),
  "structuredClone()": ({ buffer }) =>
    new Uint8Array(structuredClone(buffer, { transfer: [buffer] })),
  async "a MessageChannel"({ buffer }): Promise<Uint8Array> {
    const { port1, port2 } = new MessageChannel();
    const received = new Promise<ArrayBuffer>((resolve) =>
      port2.onmessage = ({ data }) => resolve(data)
    );
    port1.postMessage(buffer, [buffer]);
    const stolen = new Uint8Array(await received);
    port1.close();
    port2.close();
    return stolen;
  },
  "markAsUntransferable()"(region): Uint8Array {
    markAsUntransferable(region.buffer);
    return region.bytes;
  },
};

await act({
  async stealAndClose(path: string, theft: string): Promise<unknown> {
    const region = MmapRegion.open(path, { access: "read-write" });
    const stolen = await THEFTS[theft]!(region);
    const before = [stolen.length, stolen[0]];
    stolen[1] = 200; // still the file's memory
    region.close();
    region.close();
    const after = [stolen.length, Math.max(...stolen)];
    stolen.fill(99);
    return { before, after, last: stolen.at(-1), closed: region.closed };
  },

  async postAndClose(path: string): Promise<unknown> {
    const region = MmapRegion.open(path, { access: "read-write" });
    const { worker, next } = startWorker(import.meta.url, "readAndWrite");
    await next();
    const ask = (message: unknown, transfer: Transferable[] = []): Promise<unknown> => {
      worker.postMessage(message, transfer);
      return next();
    };
    const { buffer } = region;
    const answers = [await ask(buffer, [buffer]), await ask(201)];
    region.close();
    answers.push(await ask("read"), await ask(99));
    worker.terminate();
    return answers;
  },

  /** In a Worker: keeps the buffer it gets, fills it with a number, and tells what is there. */
  readAndWrite(): void {
    let bytes: Uint8Array;
    scope.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) bytes = new Uint8Array(data);
      else if (data !== "read") bytes.fill(data);
      scope.postMessage([bytes.length, bytes[0]]);
    };
    scope.postMessage("ready");
  },

  async useWithoutBuffer(path: string): Promise<unknown> {
    using region = MmapRegion.open(path, { access: "read-write" });
    const { length } = region.bytes;
    const stolen = new Uint8Array(region.buffer.transfer());
    const told: unknown[] = [];
    const uses = [
      () => region.bytes,
      () => region.view(Uint8Array),
      () => region.dataView(),
      () => region.resize(length * 2),
      () => region.resize(10),
    ];
    for (const use of uses) {
      try {
        use();
        told.push("no error");
      } catch (error) {
        told.push(`${(error as Error).constructor.name}: ${(error as Error).message}`);
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
    told.push([...copy], residentPages, region.byteLength, Deno.statSync(path).size);
    return told;
  },

  closeWithReplacedPrototypes(): unknown {
    const region = MmapRegion.anonymous(PAGE);
    const { bytes } = region;
    bytes.fill(7);
    ArrayBuffer.prototype.transfer = function (this: ArrayBuffer): ArrayBuffer {
      return this;
    };
    Object.defineProperty(ArrayBuffer.prototype, "detached", { get: () => true });
    Object.defineProperty(ArrayBuffer.prototype, "byteLength", { get: () => 0 });
    Reflect.apply = () => {};
    region.close();
    return [bytes.length, bytes[0] === undefined];
  },
});
