/** Workers that run code given as text, and answer one message at a time. */

/** A Worker. Its code has `MmapRegion`, and defines `reply(message)`. */
export class TestWorker implements Disposable {
  readonly #worker: Worker;
  readonly #url: string;

  constructor(code: string) {
    const source = `
      import { MmapRegion } from "${import.meta.resolve("@mmap/mmap")}";
      ${code}
      self.onmessage = async ({ data }) => self.postMessage(await reply(data));`;
    this.#url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.#worker = new Worker(this.#url, { type: "module" });
  }

  /** Sends a message. @returns the answer */
  // deno-lint-ignore no-explicit-any -- whatever the code replies
  ask(message: unknown): Promise<any> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      this.#worker.postMessage(message);
    });
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    URL.revokeObjectURL(this.#url);
  }
}
