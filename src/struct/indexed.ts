/** Index access (`people[3]`) for classes that have `at`. */

import { indexOfKey } from "./numbers.ts";

/** An object that allows index access. */
interface Indexable {
  readonly length: number;
  at(index: number): unknown;
}

/** Writes one element. */
type SetElement = (object: Indexable, index: number, value: unknown) => void;

/**
 * A prototype that turns properties named by numbers into elements. It is at the end of the
 * prototype chain, so the members of a class are found first: `at` and `length` are as fast as
 * without it, and only `[3]` goes through the Proxy.
 */
export function indexPrototype(setElement: SetElement): object {
  return new Proxy(Object.create(null), {
    get(_, key, receiver: Indexable): unknown {
      const index = indexOfKey(key);
      if (index === undefined) return Reflect.get(Object.prototype, key, receiver);
      return index < receiver.length ? receiver.at(index) : undefined;
    },
    set(_, key, value, receiver: Indexable): boolean {
      const index = indexOfKey(key);
      if (index === undefined) {
        return Reflect.defineProperty(receiver, key, {
          value,
          writable: true,
          enumerable: true,
          configurable: true,
        });
      }
      setElement(receiver, index, value);
      return true;
    },
  });
}
