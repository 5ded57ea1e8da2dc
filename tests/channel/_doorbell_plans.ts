/** Isolates that sleep in their event loops, for the scheduler of `../wait`. */

import { BELL_SLEEPERS } from "../../src/channel/layout.ts";
import { BufferWords } from "../../src/wait/buffer_words.ts";
import { enterDoorbell, fallAsleep, isAsleep, rise, Ropes } from "../../src/channel/doorbells.ts";
import type { DoorbellPlace, DoorbellSystem } from "../../src/os/system.ts";
import { Sleepers } from "../../src/wait/sleepers.ts";
import type { Threads } from "../../src/wait/holder.ts";
import { PlainInt32Array } from "../wait/_atomics.ts";

/** The words of the table are those of a channel, and these are behind them. */
const PAGE = 4096;
const WORD = 48;
const VALUE = 1024;
/** Each sleeper's pipe: how many bytes are in it. */
const PIPES = 1040;

/** A word that some sleep for and others change. */
export class Bedroom {
  readonly memory = new SharedArrayBuffer(PAGE + 256);
  readonly #slots: number[] = [];
  readonly #unreachable: ReadonlySet<number>;
  /** Whether those who sleep rise once, to look by themselves, and sleep on. */
  restless = false;

  /**
   * @param sleepers how many
   * @param unreachable those whose doorbells nobody can reach
   * @param tried whether somebody has rung before
   */
  constructor(sleepers: number, unreachable: readonly number[] = [], tried = true) {
    this.#unreachable = new Set(unreachable);
    const cells = new PlainInt32Array(this.memory);
    for (let i = 0; i < sleepers; i++) {
      const threads = { self: () => ({ number: 1 + i, fingerprint: 1 + i }), isDead: () => false };
      const doorbell = { ...placeOf(i), keepAlive: () => {} };
      this.#slots.push(enterDoorbell(cells, threads as unknown as Threads, doorbell)!);
    }
    if (tried) this.#ropes().ring(cells);
  }

  #ropes(): Ropes {
    const system: DoorbellSystem = {
      make: () => Promise.resolve(undefined),
      reach: ({ number }) => this.#unreachable.has(number - 1) ? undefined : number - 1,
      ring: (rope) => {
        const pipes = new Int32Array(this.memory);
        Atomics.add(pipes, PIPES + rope, 1);
        Atomics.notify(pipes, PIPES + rope);
      },
      drop: () => {},
    };
    return new Ropes(system);
  }

  /** An actor that sleeps until there is a value. */
  sleeps(sleeper: number): () => void {
    return () => {
      const cells = new Int32Array(this.memory);
      const words = new BufferWords(this.memory, 0, this.memory.byteLength);
      while (true) {
        Atomics.store(cells, WORD, 1);
        // This may have set it again: another one that has not seen the value would sleep on it.
        if (Atomics.load(cells, VALUE) !== 0) return this.#wake(cells);
        if (this.#rests(cells, sleeper)) continue;
        const counted = new Sleepers(words, BELL_SLEEPERS);
        counted.announce();
        words.waitSync(WORD, 1, 30);
        counted.leave();
      }
    };
  }

  /** As `Sleeper` does, with a pipe. @returns false if it has to sleep on the word itself */
  #rests(cells: Int32Array, sleeper: number): boolean {
    const slot = this.#slots[sleeper]!;
    const { number } = placeOf(sleeper);
    if (!fallAsleep(cells, slot, number)) return false;
    if (this.restless) {
      rise(cells, slot, number);
      if (!fallAsleep(cells, slot, number)) return false;
    }
    if (Atomics.load(cells, WORD) === 1) {
      // The event loop reads the pipe whenever something is in it.
      while (isAsleep(cells, slot, number)) {
        if (Atomics.wait(cells, PIPES + sleeper, 0, 30) === "timed-out") break;
        Atomics.store(cells, PIPES + sleeper, 0);
      }
    }
    rise(cells, slot, number);
    return true;
  }

  /** An actor that sets the value and wakes everybody. */
  wakes(): () => void {
    return () => {
      const cells = new Int32Array(this.memory);
      Atomics.store(cells, VALUE, 1);
      this.#wake(cells);
    };
  }

  #wake(cells: Int32Array): void {
    if (Atomics.exchange(cells, WORD, 0) === 0) return;
    if (Atomics.load(cells, BELL_SLEEPERS) !== 0) Atomics.notify(cells, WORD);
    this.#ropes().ring(cells);
  }
}

function placeOf(sleeper: number): DoorbellPlace {
  return { number: 1 + sleeper, pid: 1, fd: 1 };
}
