/** A system whose verbs do what a test says, for failures and moments that a real one cannot be made to give. */

import { replaceSystem, system } from "../src/os/mod.ts";
import type {
  ByteSystem,
  MemorySystem,
  ObjectSystem,
  System,
  WaitingSystem,
} from "../src/os/system.ts";

/** Some verbs of a contract; undefined for one that the system is to lack. */
type Some<T> = { readonly [verb in keyof T]?: T[verb] | undefined };

/** The verbs that a test replaces, and the contracts that the system is to lack. */
export interface Verbs {
  readonly memory?: Some<MemorySystem>;
  readonly bytes?: Some<ByteSystem>;
  readonly objects?: Some<ObjectSystem>;
  readonly waiting?: Some<WaitingSystem>;
  readonly tokens?: System["tokens"] | undefined;
}

/** The system of this machine, but for some verbs. */
export class FakeSystem implements System {
  readonly name: System["name"];
  readonly memory: MemorySystem;
  readonly bytes: ByteSystem;
  readonly objects: ObjectSystem;
  readonly named: System["named"];
  readonly processes: System["processes"];
  declare readonly tokens?: NonNullable<System["tokens"]>;
  readonly waiting: WaitingSystem;
  readonly passing: System["passing"];

  constructor(real: System, verbs: Verbs) {
    Object.assign(this, real);
    this.name = real.name;
    this.named = real.named;
    this.processes = real.processes;
    this.passing = real.passing;
    this.memory = { ...real.memory, ...verbs.memory } as MemorySystem;
    this.bytes = { ...real.bytes, ...verbs.bytes } as ByteSystem;
    this.objects = { ...real.objects, ...verbs.objects } as ObjectSystem;
    this.waiting = { ...real.waiting, ...verbs.waiting } as WaitingSystem;
    if ("tokens" in verbs) Object.assign(this, { tokens: verbs.tokens });
  }
}

/** Runs `body` on a system with other verbs. */
export async function withSystem(
  verbs: Verbs,
  body: () => void | Promise<void>,
): Promise<void> {
  const restore = replaceSystem(new FakeSystem(system(), verbs));
  try {
    await body();
  } finally {
    restore();
  }
}

/** A flush or populate on another thread that ends when the test says so. */
export interface Gate {
  readonly flushing: Verbs;
  readonly populating: Verbs;
  /** Resolves once the call was made. */
  readonly called: Promise<void>;
  /** @param failure what a flush tells of a write that failed */
  end(failure?: Error): void;
}

/** Stands in for the verbs that work on another thread; who works on this one is told. */
export function makeGate(): Gate {
  const called = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Error | undefined>();
  const call = (): Promise<Error | undefined> => {
    called.resolve();
    return ended.promise;
  };
  const inTheWay = (): never => {
    throw new Error("the calling thread did the work");
  };
  return {
    flushing: { memory: { flushOffThread: call, flush: inTheWay } },
    populating: {
      memory: { populateOffThread: async () => (await call(), true), populate: inTheWay },
    },
    called: called.promise,
    end: (failure) => ended.resolve(failure),
  };
}
