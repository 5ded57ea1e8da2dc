/** Waiting for a log to grow, and waking those who wait. */

import type { MmapRegion } from "../region/mmap_region.ts";
import { ownView } from "../region/own_view.ts";
import { RegionWords } from "../wait/region_words.ts";
import { EVERYBODY } from "../wait/words.ts";
import { HEADER_BYTE_LENGTH } from "./header.ts";
import type { LogFile } from "./log_file.ts";
import { LogWords, TAIL_INDEX } from "./log_words.ts";

/** The polling interval of a follower that cannot announce that it sleeps, in milliseconds. */
const LOOK_MS = 20;

/** The sleepers of one open log, and its bell. */
export class Follower {
  readonly #file: LogFile;
  readonly #closing = new AbortController();
  #words: RegionWords | undefined;
  /** A writable header: the log's own, or, for a reader, a mapping just for this. */
  #bell: { readonly region: MmapRegion; readonly words: LogWords } | undefined | "none";

  constructor(file: LogFile) {
    this.#file = file;
  }

  /**
   * Sleeps until the word of the tail is not `low` any more, or the log is closed.
   *
   * @throws the signal's reason
   */
  async changed(low: number, signal: AbortSignal | undefined): Promise<void> {
    const words = this.#words ??= new RegionWords(
      this.#file.control,
      0,
      HEADER_BYTE_LENGTH,
      "follow log",
      "read",
    );
    const bell = this.#bell ??= this.#openBell();
    if (bell !== "none") bell.words.setSleepers(true);
    const closing = this.#closing.signal;
    const either = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    try {
      await words.wait(TAIL_INDEX, low, bell === "none" ? LOOK_MS : Infinity, either);
    } catch (error) {
      if (!closing.aborted) throw error;
    }
  }

  #openBell(): { region: MmapRegion; words: LogWords } | "none" {
    const { control } = this.#file;
    const region = control.access === "read-write" ? control : this.#file.openBell();
    return region === undefined
      ? "none"
      : { region, words: new LogWords(ownView(region, Int32Array)) };
  }

  /** By the writer: wakes all. */
  wake(): void {
    const { control, logWords } = this.#file;
    this.#words ??= new RegionWords(control, 0, HEADER_BYTE_LENGTH, "wake followers");
    // Before the wake-up: a follower that goes to sleep after this sets it again, and sees the new
    // tail.
    logWords.setSleepers(false);
    this.#words.wake(TAIL_INDEX, EVERYBODY);
  }

  /** Ends all waits. */
  close(): void {
    this.#closing.abort();
    if (this.#bell !== undefined && this.#bell !== "none") this.#bell.region.close();
  }
}
