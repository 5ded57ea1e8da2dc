/** Workers that answer one message at a time. */

/** A Worker that runs an action of _replies.ts. */
export class TestWorker implements Disposable {
  readonly #worker: Worker;

  constructor(action: string) {
    const name = JSON.stringify([JSON.stringify(action)]);
    const program = new URL("_replies.ts", import.meta.url);
    this.#worker = new Worker(program, { type: "module", name });
  }

  /** Sends a message. @returns the answer */
  // deno-lint-ignore no-explicit-any -- whatever the action replies
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
  }
}
