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
   * Takes it, if need be from a dead one.
   *
   * @throws {Deno.errors.Busy} If a living one has it.
   */
  take(): void {
    const { cells } = this.#words;
    if (this.#lock.takeNow() === undefined) {
      throw new Deno.errors.Busy(
        `Cannot publish message: process ${Atomics.load(cells, WRITER_PID)} is the writer`,
      );
    }
    // A writer that dies right before this is taken for the writer before it.
    Atomics.store(cells, WRITER_PID, Deno.pid);
  }

  /** Gives it back. */
  leave(): void {
    this.#lock.release();
  }

  /** The process of a writer that died. */
  lostPid(): number | undefined {
    // Before the look: another one may take it right after it.
    const pid = Atomics.load(this.#words.cells, WRITER_PID);
    const isLost = this.#lock.isLost;
    this.#words.lossWatch.check();
    return isLost ? pid : undefined;
  }
}
