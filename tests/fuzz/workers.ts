/** The Workers of the fuzzer, which live from one sequence to the next. */

import { Mismatch } from "./mismatch.ts";
import type { FORGET, Job, JobResult } from "./worker.ts";

/** A Worker that runs a job. */
interface Busy {
  /** Resolves once it touches the memory. */
  readonly begun: Promise<void>;
  readonly result: Promise<Uint8Array[]>;
}

export class WorkerPool {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  /** Those that may keep something. */
  readonly #used = new Set<Worker>();

  /** Runs a job; memory in `transfer` is the Worker's from now on. */
  start(job: Job, transfer: Transferable[] = []): Busy {
    return this.#startIn(this.#idle.pop() ?? this.#spawn(), job, transfer);
  }

  #startIn(worker: Worker, job: Job | typeof FORGET, transfer: Transferable[] = []): Busy {
    this.#used.add(worker);
    const begun = Promise.withResolvers<void>();
    const result = Promise.withResolvers<Uint8Array[]>();
    worker.onmessage = ({ data }: MessageEvent<"begun" | JobResult>) => {
      if (data === "begun") return begun.resolve();
      this.#idle.push(worker);
      if ("reads" in data) result.resolve(data.reads);
      else result.reject(new Mismatch(`In a Worker: ${data.error}`));
      begun.resolve();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      begun.resolve();
      result.reject(new Mismatch(`A Worker ended: ${event.message}`));
    };
    worker.postMessage(job, transfer);
    return { begun: begun.promise, result: result.promise };
  }

  /** Runs a job to its end. @returns what it read */
  run(job: Job, transfer: Transferable[] = []): Promise<Uint8Array[]> {
    return this.start(job, transfer).result;
  }

  /** Lets all Workers that are idle lose what they keep. */
  async forget(): Promise<void> {
    const used = this.#idle.filter((worker) => this.#used.has(worker));
    const rest = this.#idle.filter((worker) => !this.#used.has(worker));
    this.#idle.splice(0, Infinity, ...rest);
    await Promise.all(used.map((worker) => this.#startIn(worker, "forget").result));
    for (const worker of used) this.#used.delete(worker);
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#all.push(worker);
    return worker;
  }

  close(): void {
    for (const worker of this.#all) worker.terminate();
  }
}
