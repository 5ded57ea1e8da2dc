/// <reference lib="deno.worker" />
/** A Worker that tries a mutex in what it is sent, and tells what came of it. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";

let mutex: Mutex | undefined;

self.onmessage = ({ data: { buffer, handle, at } }) => {
  try {
    mutex ??= new Mutex(buffer ?? MmapRegion.attach(handle), at);
    const guard = mutex.tryLock();
    guard?.unlock();
    self.postMessage(guard === null ? "held" : "taken");
  } catch (error) {
    self.postMessage((error as Error).name);
  }
};
