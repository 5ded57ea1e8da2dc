/**
 * Takes the place of `Atomics` and of plain accesses to shared memory, so that every single access
 * can be a step of a test's own scheduler.
 */

/** What happens in place of an access. */
export interface Interceptor {
  /** Every access but the waits. `perform` does it for real. */
  access<T>(name: string, index: number, perform: () => T): T;
  wait(cells: Int32Array, index: number, expected: number, timeoutMs: number): string;
  notify(cells: Int32Array, index: number, count: number): number;
}

const ACCESSES = ["load", "store", "add", "sub", "and", "or", "exchange", "compareExchange"];

// deno-lint-ignore no-explicit-any -- each of the functions has its own parameters
type Access = (cells: any, index: number, ...values: any[]) => any;

const atomics = Atomics as unknown as Record<string, Access>;
const real: Readonly<Record<string, Access>> = Object.fromEntries(
  [...ACCESSES, "wait", "notify"].map((name) => [name, atomics[name]!]),
);

/** The real one, whose elements nobody watches. */
export const PlainInt32Array = Int32Array;

/** The array behind each proxy. */
const arrays = new WeakMap<object, Int32Array>();

/** Begins to intercept; the returned function ends it. */
export function intercept(interceptor: Interceptor): () => void {
  for (const name of ACCESSES) {
    const access = real[name]!;
    atomics[name] = (cells, index, ...values) => {
      const array = arrays.get(cells) ?? cells;
      return interceptor.access(name, index, () => access(array, index, ...values));
    };
  }
  atomics.wait = (cells, index, expected, timeoutMs) =>
    interceptor.wait(arrays.get(cells) ?? cells, index, expected, timeoutMs);
  atomics.notify = (cells, index, count) =>
    interceptor.notify(arrays.get(cells) ?? cells, index, count);
  globalThis.Int32Array = new Proxy(PlainInt32Array, {
    construct: (type, args) => {
      const array: Int32Array = Reflect.construct(type, args);
      return args[0] instanceof SharedArrayBuffer ? watched(array, interceptor) : array;
    },
  });
  return () => {
    globalThis.Int32Array = PlainInt32Array;
    Object.assign(atomics, real);
  };
}

/** An array whose plain reads and writes are intercepted as well. */
function watched(array: Int32Array, interceptor: Interceptor): Int32Array {
  const proxy = new Proxy(array, {
    get(target, key): unknown {
      const index = indexOf(key);
      if (index >= 0) return interceptor.access("read", index, () => target[index]);
      const value = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) =>
        interceptor.access(String(key), 0, () => {
          value.apply(target, args);
        });
    },
    set(target, key, value): boolean {
      const index = indexOf(key);
      interceptor.access("write", index, () => {
        target[index] = value;
      });
      return true;
    },
  });
  arrays.set(proxy, array);
  return proxy;
}

function indexOf(key: string | symbol): number {
  return typeof key === "string" && /^\d+$/.test(key) ? Number(key) : -1;
}
