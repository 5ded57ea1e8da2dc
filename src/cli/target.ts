/** The target of a command: a file, named shared memory, or the region of a handle. */

import { isEmptyFile, isEmptyNamed } from "../object/empty.ts";
import { pathOf } from "../object/path.ts";
import { MmapRegion } from "../region/mmap_region.ts";

const NAME_PREFIX = "shm:";
const HANDLE_PREFIX = "mmap:";

/** A TARGET of the command line, mapped for reading. */
export class Target implements Disposable {
  /** The text as it was given. */
  readonly text: string;
  readonly #open: () => MmapRegion | undefined;
  #region: MmapRegion | undefined;

  /** @throws what `MmapRegion.open`, `named` or `attach` throw, if the target cannot be mapped */
  constructor(text: string) {
    this.text = text;
    this.#open = wayTo(text);
    this.#region = this.#open();
  }

  /** The region; undefined as long as the object is empty and cannot be mapped. */
  get region(): MmapRegion | undefined {
    return this.#region;
  }

  /** The name of the shared memory, if the target was given as a name. */
  get name(): string | undefined {
    if (!this.text.startsWith(NAME_PREFIX)) return undefined;
    return this.text.slice(NAME_PREFIX.length).replace(/^\//, "");
  }

  /** In bytes. */
  get byteLength(): number {
    return this.#region?.byteLength ?? 0;
  }

  /** Maps the present size of the object. The region of a handle keeps its own. */
  refresh(): void {
    if (this.text.startsWith(HANDLE_PREFIX)) return;
    if (this.#region === undefined) {
      this.#region = this.#open();
      return;
    }
    try {
      this.#region.refresh();
    } catch (error) {
      // It was emptied. All of its pages are missing now, and readers will see that.
      if (!(error instanceof RangeError)) throw error;
    }
  }

  /** Unmaps. */
  [Symbol.dispose](): void {
    this.#region?.close();
  }
}

function wayTo(text: string): () => MmapRegion | undefined {
  if (text.startsWith(HANDLE_PREFIX)) return () => MmapRegion.attach(text, { access: "read" });
  if (text.startsWith(NAME_PREFIX)) {
    const name = text.slice(NAME_PREFIX.length);
    return () => isEmptyNamed(name) ? undefined : MmapRegion.named(name, { access: "read" });
  }
  const path = pathOf(text);
  return () => isEmptyFile(path) ? undefined : MmapRegion.open(path);
}
