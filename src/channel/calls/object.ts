/** `serveObject`: the methods of an object, called from other processes. */

import { shown } from "../../check/options.ts";
import { decodeClone, encodeClone } from "../encoding.ts";
import { serve, type ServeOptions, type Server } from "./server.ts";

/**
 * An object in another process, as `Client.object` gives it: its methods, each giving a promise.
 *
 * @typeParam T the type of the object there
 */
export type Remote<T extends object> = {
  readonly [
    K in Exclude<keyof T, "then" | "constructor" | "__proto__" | number | symbol> as T[K] extends
      (...args: never[]) => unknown ? K : never
  ]: T[K] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/**
 * An object with a `then` would be taken for a promise; the others are not methods of the program.
 */
const NOT_CALLABLE = ["then", "constructor", "__proto__"];

type Method = (...args: unknown[]) => unknown;

/**
 * Lets other processes call the methods of an object: see `Client.object`. Arguments and results
 * can be everything that `structuredClone` takes: Map, Set, Date, bigint, typed arrays, cycles.
 * What a method throws is thrown in the client, as with `serve`.
 *
 * Clients can only call functions that the object or its class has at the time of this call: nothing
 * from `Object.prototype`, no getters, and nothing that is added later.
 *
 * @param options as of `serve`
 * @throws {TypeError} If it is not an object or has no method.
 * @throws as `serve` does
 *
 * @example
 * ```ts
 * import { connect, serveObject } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * const calculator = { add: (a: number, b: number) => a + b };
 * await using server = serveObject({}, calculator);
 * await using client = connect(server.handle());
 * const remote = client.object<typeof calculator>();
 * assertEquals(await remote.add(1, 2), 3);
 * ```
 */
export function serveObject(options: ServeOptions, object: object): Server {
  if (typeof object !== "object" || object === null) {
    throw new TypeError(`Cannot serve object as it must be an object: received ${shown(object)}`);
  }
  const methods = methodsOf(object);
  if (methods.size === 0) {
    throw new TypeError("Cannot serve object as it must have a method that can be called");
  }
  return serve(options, async (request) => {
    const [name, args] = readCall(request);
    const method = methods.get(name);
    if (method === undefined) {
      throw new TypeError(`Cannot call method: the object has no method "${name}"`);
    }
    return encodeClone(await method.apply(object, args));
  });
}

/** The methods by name. Of several with the same name, this has the one that a call would find. */
function methodsOf(object: object): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  const seen = new Set<string>(NOT_CALLABLE);
  for (
    let holder: object | null = object;
    holder !== null && !isRoot(holder);
    holder = Object.getPrototypeOf(holder)
  ) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (typeof property.value === "function") methods.set(name, property.value);
    }
  }
  return methods;
}

/** Whether this is Object.prototype, of any realm. */
function isRoot(holder: object): boolean {
  return Object.getPrototypeOf(holder) === null && Object.hasOwn(holder, "hasOwnProperty");
}

/** @throws {TypeError} If it is not a call. */
function readCall(request: Uint8Array): [name: string, args: unknown[]] {
  const call: unknown = decodeClone(request);
  if (Array.isArray(call) && typeof call[0] === "string" && Array.isArray(call[1])) {
    return [call[0], call[1]];
  }
  throw new TypeError("Cannot call method: the request is not a method call");
}

/** Calls a method by sending bytes. */
export async function callMethod(
  call: (request: Uint8Array) => Promise<Uint8Array>,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  return decodeClone(await call(encodeClone([method, args])));
}

/** An object that passes calls on. In all other respects, it looks empty. */
export function remoteOf<T extends object>(
  call: (method: string, args: readonly unknown[]) => Promise<unknown>,
): Remote<T> {
  const methods = new Map<string, Method>();
  return new Proxy(Object.freeze(Object.create(null)), {
    get(_target, name): Method | undefined {
      if (typeof name !== "string" || NOT_CALLABLE.includes(name)) return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        method = (...args) => call(name, args);
        methods.set(name, method);
      }
      return method;
    },
  });
}
