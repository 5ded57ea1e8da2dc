/** A region is closed while a Worker reads pages of it that are gone: no moment without the guard. */

import { assertEquals } from "@std/assert";
import { runChild } from "../_child.ts";

const ROUNDS = 100;

for (const way of ["transferred buffer", "sharedBuffer()"]) {
  Deno.test(`MmapRegion.close() leaves a Worker that reads a truncated file by its ${way} alive`, async () => {
    const { success, signal, stderr, stdout } = await runChild(
      `import { MmapRegion } from "@mmap/mmap";
      const source = \`onmessage = ({ data: [buffer, flag] }) => {
        const bytes = new Uint8Array(buffer);
        const words = new Int32Array(flag);
        Atomics.store(words, 0, 1);
        for (let i = 0; Atomics.load(words, 0) === 1; i = (i + 4096) % bytes.length) bytes[i];
        postMessage("over");
      };\`;
      const url = "data:application/javascript," + encodeURIComponent(source);
      const worker = new Worker(url, { type: "module" });
      const path = Deno.makeTempFileSync();
      const flag = new SharedArrayBuffer(4);
      const words = new Int32Array(flag);
      for (let round = 0; round < ${ROUNDS}; round++) {
        Deno.writeFileSync(path, new Uint8Array(64 * 4096));
        const region = MmapRegion.open(path, { access: "read-write" });
        const over = new Promise((resolve) => worker.onmessage = resolve);
        const shared = ${way === "sharedBuffer()"};
        const buffer = shared ? region.sharedBuffer() : region.buffer;
        Deno.truncateSync(path, 0);
        worker.postMessage([buffer, flag], shared ? [] : [buffer]);
        while (Atomics.load(words, 0) !== 1);
        region.close();
        Atomics.store(words, 0, 2);
        await over;
      }
      Deno.removeSync(path);
      worker.terminate();
      console.log("alive");`,
    );
    assertEquals([signal, success, stdout.trim()], [null, true, "alive"], stderr);
  });
}
