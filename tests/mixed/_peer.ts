/** What another process does with a file: mostly one of another system. It goes on line by line. */

import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { AppendLog, SharedMap } from "@mmap/mmap/collections";
import { Barrier, Mutex, RwLock } from "@mmap/mmap/sync";
import { act } from "../_act.ts";
import { CProgram } from "../_c_program.ts";
import { splitLines } from "../_child.ts";

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines())
  .getReader();

const open = (path: string): MmapRegion => MmapRegion.open(path, { access: "read-write" });

/** What is thrown; "done" if nothing is. */
function outcome(call: () => unknown): string {
  try {
    call();
    return "done";
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

await act({
  /** Writes where it is told, and tells what is elsewhere. */
  async exchange(path: string): Promise<void> {
    using region = open(path);
    let words = region.view(Int32Array);
    words[0] = 42;
    console.log("wrote");
    await lines.read();
    console.log(`${words[1]}`);
    await lines.read();
    region.refresh();
    words = region.view(Int32Array);
    console.log(`${words.length} words, the last is ${words.at(-1)}`);
    words[words.length - 1] = 44;
    console.log("wrote");
  },

  /** Runs the C program beside a file, which has nothing to do. @returns its exit code */
  async runC(path: string): Promise<number> {
    const program = new Deno.Command(`${path}.exe`, { args: [path], stdin: "null" });
    return (await program.output()).code;
  },

  /** Lets the C program beside a file lock its mutex, and end without unlocking it. */
  async lockInC(path: string): Promise<void> {
    await using program = new CProgram(`${path}.exe`, [path]);
    console.log(await program.ask("lock"));
    await lines.read();
  },

  /** Tells how each kind of lock is refused. */
  refused(path: string): Record<string, string> {
    using region = open(path);
    return {
      Mutex: outcome(() => new Mutex(region).tryLock()),
      RwLock: outcome(() => new RwLock(region, 1024).tryRead()),
      Barrier: outcome(() => new Barrier(region, 2048, 2).waitSync({ timeoutMs: 0 })),
      Channel: outcome(() => Channel.over(region, 4096, { capacity: 4096 })),
    };
  },

  /** Takes a lock, and keeps it until it is killed. */
  async hold(path: string): Promise<void> {
    const region = open(path);
    console.log(`${new Mutex(region).lockSync().ownerDied}`);
    await lines.read();
  },

  /** Reads a log, and tries to write to it. */
  appendTo(path: string): { records: number; writing: string } {
    using log = AppendLog.open(path);
    return {
      records: [...log].length,
      writing: outcome(() => AppendLog.open(path, { access: "read-write" })),
    };
  },

  /** Appends, and has the log to itself until it is killed. */
  async ownLog(path: string): Promise<void> {
    using log = AppendLog.open(path, { create: true });
    log.append(new Uint8Array(3));
    console.log("appended");
    await lines.read();
  },

  /** Sets a key of a map. */
  setIn(path: string): string {
    return outcome(() => {
      using map = SharedMap.open(path, { create: true, capacity: 10 });
      map.set("key", new Uint8Array(1));
    });
  },
});
Deno.exit();
