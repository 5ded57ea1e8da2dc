/** The lock of a broadcast's writer. */

import { RobustWord } from "../../wait/robust_word.ts";
import type { Words } from "../../wait/words.ts";
import { WRITER, WRITER_PID } from "./broadcast_layout.ts";

/** The writer's lock: one thread at a time holds it, until it leaves or dies. */
export class WriterLock {
  readonly #words: Words;
  readonly #lock: RobustWord;

  constructor(words: Words) {
    this.#words = words;
    this.#lock = new RobustWord(words, WRITER);
  }

  /**
   * Takes the lock, from a dead holder if necessary.
   *
   * @throws {Deno.errors.Busy} If a living writer has it.
   */
  take(): void {
    const { cells } = this.#words;
    if (this.#lock.takeNow() === undefined) {
      throw new Deno.errors.Busy(
        `Cannot publish message: process ${Atomics.load(cells, WRITER_PID)} is the writer`,
      );
    }
    // If a writer dies right before this, its death is reported with the previous writer's process.
    Atomics.store(cells, WRITER_PID, Deno.pid);
  }

  /** Gives the lock back. */
  leave(): void {
    this.#lock.release();
  }

  /** The process of the writer, alive or dead; null if there is none. */
  get pid(): number | null {
    return this.#lock.holder === 0 ? null : Atomics.load(this.#words.cells, WRITER_PID);
  }

  /** The process of a writer that died. */
  lostPid(): number | undefined {
    // Read before the check: another process may take the lock right after it.
    const pid = Atomics.load(this.#words.cells, WRITER_PID);
    const isLost = this.#lock.isLost;
    this.#words.lossWatch.check();
    return isLost ? pid : undefined;
  }
}
