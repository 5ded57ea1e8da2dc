/** Everything that makes a file longer, beyond RLIMIT_FSIZE. */

import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
import * as C from "@mmap/mmap/libc";
import { i32 } from "@mmap/mmap/struct";

/** How long a file may get. */
export const LIMIT = 65536;

const access = "read-write";
const TOO_LONG = 2 ** 20;

/** @returns what each attempt gave, and what was left in the folder */
export function attemptAll(dir: string, name: string): { told: string[]; left: string[] } {
  const path = (file: string): string => join(dir, file);
  const options = { access, create: true, byteLength: TOO_LONG } as const;
  const attempts: Record<string, () => unknown> = {
    open: () => MmapRegion.open(path("new"), options),
    "open, sparse": () => MmapRegion.open(path("new"), { ...options, allocate: false }),
    truncate: () => MmapRegion.open(path("old"), { ...options, truncate: true }),
    resize: () => {
      using region = MmapRegion.open(path("old"), { access });
      region.resize(TOO_LONG);
    },
    "resize of memory": () => {
      using region = MmapRegion.anonymous(4096);
      region.resize(TOO_LONG);
    },
    anonymous: () => MmapRegion.anonymous(TOO_LONG),
    named: () => MmapRegion.named(name, { createNew: true, byteLength: TOO_LONG }),
    channel: () => Channel.create({ capacity: TOO_LONG, name }),
    log: () => {
      using log = AppendLog.open(path("log"), { access, create: true });
      log.append(new Uint8Array(TOO_LONG));
    },
    map: () => SharedMap.open(path("map"), { create: true, capacity: 100_000, valueByteLength: 8 }),
    array: () => SharedArray.open(path("array"), i32, { create: true, length: TOO_LONG }),
    ftruncate: () => {
      const fd = C.memfd_create("", C.MFD_CLOEXEC);
      try {
        C.ftruncate(fd, TOO_LONG);
      } finally {
        C.close(fd);
      }
    },
  };
  Deno.writeFileSync(path("old"), new Uint8Array(5000).fill(1));
  const told = Object.entries(attempts).map(([name, attempt]) => `${name}: ${codeOf(attempt)}`);
  const left = [...Deno.readDirSync(dir)].map(({ name }) => name)
    .filter((file) => file !== "log").sort();
  return { told, left };
}

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return "done";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** The signals that wait for this thread, that it blocks, and that the process ignores. */
export function ownSignals(): string[] {
  return Deno.readTextFileSync("/proc/thread-self/status").split("\n")
    .filter((line) => /^(SigPnd|SigBlk|SigIgn)/.test(line));
}
