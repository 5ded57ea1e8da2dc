/** Programs that can do several things: children and Workers are told by name which one. */

/** What a program can do; arguments and results are JSON. */
// deno-lint-ignore no-explicit-any -- each action knows its own arguments
export type Actions = Record<string, (...args: any[]) => unknown>;

/**
 * Does what the program was started for: its arguments are an action's name and what that takes. A
 * child prints what the action returns, if it returns something.
 */
export async function act(actions: Actions): Promise<void> {
  const started: string[] = globalThis.name === "" ? Deno.args : JSON.parse(globalThis.name);
  const [action, ...args] = started.map((text) => JSON.parse(text));
  const result = await actions[action]!(...args);
  if (result !== undefined) console.log(JSON.stringify(result));
}

/** A Worker that runs, and its messages one by one. */
export interface ActingWorker {
  readonly worker: Worker;
  /** The next message, whatever it is. */
  // deno-lint-ignore no-explicit-any -- each Worker has messages of its own
  next(): Promise<any>;
}

/** Starts an action of a program in a Worker. An error in it ends the process with code 70. */
export function startWorker(program: string | URL, ...action: unknown[]): ActingWorker {
  const name = JSON.stringify(action.map((arg) => JSON.stringify(arg)));
  const worker = new Worker(program, { type: "module", name });
  worker.onerror = (event) => {
    console.error(event.message);
    Deno.exit(70);
  };
  const waiting: ((message: unknown) => void)[] = [];
  const messages: unknown[] = [];
  worker.onmessage = ({ data }) => {
    const resolve = waiting.shift();
    if (resolve !== undefined) resolve(data);
    else messages.push(data);
  };
  const next = (): Promise<unknown> =>
    new Promise((resolve) => {
      if (messages.length > 0) resolve(messages.shift());
      else waiting.push(resolve);
    });
  return { worker, next };
}

/** Of a Worker's global scope. */
export const scope = globalThis as unknown as {
  // deno-lint-ignore no-explicit-any -- each Worker has messages of its own
  onmessage: ((event: MessageEvent<any>) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  close(): void;
};

/** Resolves when the test has closed this process's stdin, or is not there any more. */
export function stdinEnds(): Promise<void> {
  return Deno.stdin.readable.pipeTo(new WritableStream());
}

/** Collects garbage; needs --expose-gc. */
export function gc(): void {
  (globalThis as unknown as { gc(): void }).gc();
}
