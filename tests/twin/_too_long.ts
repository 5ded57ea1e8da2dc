/** Makes a file longer than the limit allows, with the signal blocked on this thread, and waits. */

import { addressOf, loadCalls, O_CREAT, O_RDWR, text } from "./_calls.ts";

const SIGXFSZ = 25;
const SIG_BLOCK = 1;

const [library, path] = Deno.args.map((text) => JSON.parse(text));
const calls = loadCalls(library);
const set = new Uint8Array(Uint32Array.of(1 << (SIGXFSZ - 1)).buffer);
calls.sigprocmask(SIG_BLOCK, addressOf(set), null);
const fd = calls.open(text(path), O_RDWR | O_CREAT, 0o600);
calls.ftruncate(fd, 1n << 20n);
setTimeout(() => {}, 10_000); // another thread takes the signal
