/**
 * Counts together with a C program, under the C program's mutex: a pthread mutex in shared memory, which
 * libc's own functions lock here too. Linux with glibc. The C program has to be compiled first:
 *
 *     cc -pthread -o pthread_counter examples/c/pthread_counter.c
 *     deno run --allow-ffi --allow-run --allow-write examples/pthread_mutex.ts ./pthread_counter
 *
 * Such a mutex belongs to the thread that has locked it. So it is locked and unlocked by blocking calls:
 * one with `nonblocking: true` runs on another thread. And nothing is awaited in between.
 */
import { MmapRegion } from "@mmap/mmap";

const EOWNERDEAD = 130;

const libc = Deno.dlopen("libc.so.6", {
  pthread_mutex_lock: { parameters: ["pointer"], result: "i32" },
  pthread_mutex_consistent: { parameters: ["pointer"], result: "i32" },
  pthread_mutex_unlock: { parameters: ["pointer"], result: "i32" },
}).symbols;

/** A mutex that a C program has made with PTHREAD_PROCESS_SHARED, and best with PTHREAD_MUTEX_ROBUST. */
class PthreadMutex {
  readonly #region: MmapRegion;
  readonly #pointer: Deno.PointerValue;

  /** @param region has to stay open as long as this is used, and surely while the mutex is locked */
  constructor(region: MmapRegion, byteOffset: number) {
    this.#region = region;
    this.#pointer = Deno.UnsafePointer.of(region.view(Uint8Array, byteOffset));
  }

  /**
   * Runs `action` under the mutex, and tells it whether a holder has died in the middle. If it then
   * throws, what the mutex guards is not repaired, and nobody can lock the mutex any more.
   */
  with<T>(action: (ownerDied: boolean) => T): T {
    if (this.#region.closed) throw new Deno.errors.BadResource("The region is closed");
    const error = libc.pthread_mutex_lock(this.#pointer);
    if (error !== 0 && error !== EOWNERDEAD) throw new Error(`pthread_mutex_lock: error ${error}`);
    try {
      const result = action(error === EOWNERDEAD);
      if (error === EOWNERDEAD) libc.pthread_mutex_consistent(this.#pointer);
      return result;
    } finally {
      libc.pthread_mutex_unlock(this.#pointer);
    }
  }
}

const [program = "./pthread_counter"] = Deno.args;
const dir = await Deno.makeTempDir();
const start = (what: "count" | "hold"): Deno.ChildProcess =>
  new Deno.Command(program, { args: [`${dir}/shared`, what], stdout: "piped" }).spawn();

const counter = start("count");
await counter.stdout.getReader().read(); // it has made the mutex
{
  using region = MmapRegion.open(`${dir}/shared`, { access: "read-write" });
  const mutex = new PthreadMutex(region, 0);
  const count = region.view(BigInt64Array, 64, 1);
  for (let i = 0; i < 100_000; i++) mutex.with(() => count[0]! += 1n);
  await counter.status;
  console.log(`together they counted to ${count[0]}`);

  const holder = start("hold");
  await holder.stdout.getReader().read(); // it has the mutex
  holder.kill("SIGKILL");
  await holder.status;
  mutex.with((ownerDied) => {
    console.log(`its holder died: ${ownerDied}`);
    count[0] = 200_000n; // repaired
  });
  mutex.with((ownerDied) => console.log(`next time: ${ownerDied}, ${count[0]}`));
}
await Deno.remove(dir, { recursive: true });
