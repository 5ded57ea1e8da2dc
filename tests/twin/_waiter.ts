/** Waits for the word at the beginning of a shared memory object, and prints what came of it. */

import {
  bytesAt,
  loadCalls,
  MAP_SHARED,
  O_RDWR,
  PAGE,
  PROT_READ,
  PROT_WRITE,
  text,
} from "./_calls.ts";

const [library, name, operation] = Deno.args.map((text) => JSON.parse(text));
const calls = loadCalls(library);
const fd = calls.shm_open(text(name), O_RDWR, 0);
const address = calls.mmap(0n, BigInt(PAGE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0n);
bytesAt(address, 1)[0]; // the page comes in
console.log("waits");
console.log(calls.said(calls.__ulock_wait(operation, address, 0n, 0)));
