/**
 * POSIX shared memory: mmap's memory with a name, for processes that are not related.
 *
 *     deno run --allow-ffi --allow-run examples/posix_shared_memory.ts
 *
 * Underneath, `shm_open` returns a descriptor, which is then mapped like a file: the other process
 * does that by hand, as a C program would. (System V's shmget is the older way, with a number in
 * place of the name; it does not go through mmap.)
 */
import { MmapRegion } from "@mmap/mmap";

const name = `mmap-example-${Deno.pid}`;
{
  using region = MmapRegion.named(name, { createNew: true, byteLength: 4096 });
  new TextEncoder().encodeInto("hello by name", region.bytes);
  const info = MmapRegion.list().find((info) => info.name === name);
  console.log(`listed: ${info?.byteLength} bytes, owner alive ${info?.owner?.alive}`);

  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./posix_shared_memory_child.ts"), name],
  }).output();
  console.log(`shm_open in another process finds "${new TextDecoder().decode(stdout)}"`);
} // the creator removes the name (shm_unlink)

try {
  MmapRegion.named(name);
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.log("after close nobody finds it");
}
