/** Copies from a mapping whose file was cut off, and prints the answer. */

import { addressOf, loadCalls, MAP_SHARED, O_RDWR, PROT_READ, text } from "./_calls.ts";

const [library, path, byteLength] = Deno.args.map((text) => JSON.parse(text));
const calls = loadCalls(library);
Deno.writeFileSync(path, new Uint8Array(byteLength));
const fd = calls.open(text(path), O_RDWR, 0);
const source = calls.mmap(0n, BigInt(byteLength), PROT_READ, MAP_SHARED, fd, 0n);
calls.ftruncate(fd, 0n);
const target = addressOf(new Uint8Array(byteLength));
const size = BigInt(byteLength);
const task = calls.mach_task_self();
console.log(calls.mach_vm_read_overwrite(task, source, size, target, new Uint8Array(8)));
