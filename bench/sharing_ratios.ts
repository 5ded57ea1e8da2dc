/**
 * What sharing costs, as ratios within one run: `deno task bench`. Needs gcc.
 *
 * Both sides of a ratio are measured in turns; see region_ratios.ts.
 */

import { formatHandle, MmapRegion } from "@mmap/mmap";
import { compilePeer, output, peerPath } from "./_programs.ts";
import { type Medians, printComparison, printHead, type Side, timePerCall } from "./_ratio.ts";
import { instantiateSum } from "./_wasm_sum.ts";
import { GiB, KiB, MiB, withDirectory } from "./_work.ts";

/** Our time in theirs. */
function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

/** Our speed in theirs. */
function speed({ ours, theirs }: Medians): number {
  return theirs / ours;
}

/** A child attaches to the parent's memory, against what C has to do for it. */
async function compareAttaching(dir: string): Promise<void> {
  const batches = 201;
  using region = MmapRegion.anonymous(64 * KiB);
  const handle = region.handle();
  const program = await compilePeer("attach", dir);
  const path = `/proc/${handle.pid}/fd/${handle.fd}`;
  const ours = [
    "run",
    "-A",
    "--no-check",
    peerPath("attach.ts"),
    JSON.stringify(handle),
    `${batches}`,
  ];
  await printComparison("attach to another process's memory and close", {
    ours: { name: "MmapRegion", measure: async () => Number(await output(Deno.execPath(), ours)) },
    theirs: {
      name: "open, mmap, munmap and close in C",
      measure: async () => Number(await output(program, [path, `${64 * KiB}`, `${batches}`])),
    },
    rounds: 15,
  }, { figure: time, unit: " of its time", atMost: 2 });
}

/** A child that runs already is given a gibibyte. */
async function compareHandingOver(): Promise<void> {
  using region = MmapRegion.anonymous(GiB, { populate: true });
  region.bytes.fill(7);
  await using byHandle = new Receiver([]);
  await using byPipe = new Receiver([`${GiB}`]);
  const handle = new TextEncoder().encode(formatHandle(region.handle()) + "\n");
  for (let i = 0; i < 10; i++) await byHandle.timeOf([handle]); // its code is compiled by then
  await printComparison("1 GiB for a child, until it has read a byte", {
    ours: { name: "handle", measure: () => byHandle.timeOf([handle]) },
    theirs: { name: "pipe", measure: () => byPipe.timeOf(chunksOf(region.bytes)) },
    rounds: 5,
  }, { figure: speed, unit: " times as fast", atLeast: 100 });
}

function* chunksOf(bytes: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += MiB) yield bytes.subarray(at, at + MiB);
}

/** A child that tells the first byte of what it is given. */
class Receiver implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ready: Promise<unknown>;

  constructor(args: string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", peerPath("receive.ts"), ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.getReader();
    this.#ready = this.#line();
  }

  /** The nanoseconds until the child has read the first byte. */
  async timeOf(chunks: Iterable<Uint8Array<ArrayBuffer>>): Promise<number> {
    await this.#ready;
    const start = performance.now();
    for (const chunk of chunks) await this.#input.write(chunk);
    const first = await this.#line();
    if (first !== "7\n") throw new Error(`The child has read ${first}`);
    return (performance.now() - start) * 1e6;
  }

  async #line(): Promise<string> {
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("The child has ended");
      text += new TextDecoder().decode(value);
    }
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#process.status;
    await this.#output.cancel();
  }
}

/** One sum in WebAssembly over a region, against memories of its own. */
async function compareWebAssembly(): Promise<void> {
  const byteLength = 64 * MiB;
  const pages = byteLength / (64 * KiB);
  const limits = { initial: pages, maximum: pages };
  using region = MmapRegion.anonymous(byteLength, { populate: true });
  const ours = summing("wasmMemory()", region.wasmMemory(), true);
  for (const shared of [true, false]) {
    const memory = new WebAssembly.Memory({ ...limits, shared });
    const theirs = summing(shared ? "plain shared memory" : "plain memory", memory, shared);
    await printComparison("sum of 64 MiB in WebAssembly", { ours, theirs, rounds: 61 }, {
      figure: speed,
      unit: " of its speed",
      atLeast: 0.95,
    });
  }
}

function summing(name: string, memory: WebAssembly.Memory, shared: boolean): Side {
  const numbers = new BigInt64Array(memory.buffer).fill(1n);
  const sum = instantiateSum(memory, shared);
  const { byteLength, length } = numbers;
  return {
    name,
    measure: () =>
      timePerCall(() => {
        if (sum(0, byteLength) !== BigInt(length)) throw new Error("The sum is wrong");
      }, 1),
  };
}

await withDirectory(async (dir) => {
  printHead();
  await compareAttaching(dir);
  await compareHandingOver();
  await compareWebAssembly();
});
