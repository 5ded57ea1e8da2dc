/** A server at the top of a module whose other code has ended; a call closes it. */

import { serve } from "@mmap/mmap/channel";

const timers = new Set<unknown>();
const { setInterval, clearInterval } = globalThis;
Object.assign(globalThis, {
  setInterval: (...args: Parameters<typeof setInterval>) => {
    const timer = setInterval(...args);
    timers.add(timer);
    return timer;
  },
  clearInterval: (timer: number) => {
    timers.delete(timer);
    clearInterval(timer);
  },
});

const keepAlive: boolean = JSON.parse(Deno.args[0]!);
const server = serve({ capacity: 4096, keepAlive }, () => {
  setTimeout(() => {
    server.close();
    console.log(timers.size);
  });
  return new Uint8Array(1);
});
console.log(server.env()["MMAP_SERVER"]);
console.log(timers.size);
