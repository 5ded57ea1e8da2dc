/**
 * Mapping /dev/zero gives anonymous memory: the older way to get it, from before MAP_ANONYMOUS.
 *
 *     deno run --allow-ffi examples/dev_zero.ts
 */
import { MmapRegion } from "@mmap/mmap";

using memory = MmapRegion.open("/dev/zero", { access: "read-write", byteLength: 1 << 20 });
console.log(`${memory.byteLength} bytes, all zero: ${memory.bytes.every((byte) => byte === 0)}`);

memory.bytes[0] = 42;
using other = MmapRegion.open("/dev/zero", { access: "read-write", byteLength: 1 << 20 });
console.log(`wrote 42; another mapping of /dev/zero has its own memory: ${other.bytes[0]}`);
