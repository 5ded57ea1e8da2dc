/**
 * Uses a region in every way while built-in prototypes are changed, a fault absorbed among them; then
 * takes the change back and looks whether memory that lies around was harmed. Needs --expose-gc.
 */

import type { MmapRegion } from "@mmap/mmap";
import { act, gc } from "../_act.ts";

const PAGE = 4096;

/** The real functions, whatever is patched. */
const Real = Uint8Array;
const { fill } = Real.prototype;
const { defineProperty } = Object;

// deno-lint-ignore no-explicit-any -- whatever stands there
type Anything = any;
type Module = typeof import("@mmap/mmap");

/** What each built-in is replaced by. The real function is at hand: a program may well only watch. */
const LIES: Record<string, () => unknown> = {
  throw: () => {
    throw new Error("patched");
  },
  nothing: () => undefined,
  "a large number": () => 2 ** 24,
  "another array": () => new Real(2 ** 20),
};

/** What is replaced: everything that these objects have of their own. */
const TARGETS: Record<string, Anything> = {
  "ArrayBuffer": ArrayBuffer,
  "ArrayBuffer.prototype": ArrayBuffer.prototype,
  "TypedArray": Object.getPrototypeOf(Uint8Array),
  "TypedArray.prototype": Object.getPrototypeOf(Uint8Array.prototype),
  "Uint8Array": Uint8Array,
  "Uint8Array.prototype": Uint8Array.prototype,
  "FinalizationRegistry.prototype": FinalizationRegistry.prototype,
};

function quietly<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

interface State {
  readonly canaries: Uint8Array[];
  readonly around: Uint8Array;
  readonly regions: (MmapRegion | undefined)[];
  readonly views: Anything[];
}

function use({ MmapRegion: M }: Module, path: string): State {
  const canaries = Array.from({ length: 64 }, () => fill.call(new Real(32), 165));
  const around = fill.call(new Real(2 ** 16), 165);
  const regions = [
    quietly(() => M.open(path, { access: "read-write" })),
    quietly(() => M.open(path, { access: "copy-on-write", byteOffset: 9 })),
    quietly(() => M.anonymous(4 * PAGE, { resizable: true })),
    quietly(() => M.anonymous(8 * PAGE, { sharing: "private" })), // several blocks of text
  ];
  const views: Anything[] = [];
  for (const region of regions) {
    if (region === undefined) continue;
    quietly(() => views.push(region.bytes));
    quietly(() => region.tryRead(canaries[3]!, 4 * PAGE - 40));
    quietly(() => region.tryRead(new Real(around.buffer, 100, 10), 0));
    quietly(() => region.tryWrite(canaries[5]!, 4 * PAGE - 8));
    quietly(() => region.tryWrite(new Real(16), 0));
    quietly(() => region.equals(new Real(16), 0));
    quietly(() => region.indexOf(new Real(16), 0));
    quietly(() => region.lastIndexOf(canaries[6]!));
    quietly(() => region.count(canaries[7]!));
    quietly(() => region.count("text"));
    quietly(() => region.compare(new Real(5000)));
    quietly(() => region.split(3, "\0"));
    quietly(() => [...region.lines()]);
    quietly(() => [...region.lines({ reverse: true })]);
    quietly(() => views.push(...region.lines({ as: "bytes" })));
    quietly(() => region.view(Real, 5, 5));
    quietly(() => region.bytes);
    quietly(() => region.probe());
    quietly(() => region.residency());
    quietly(() => region.handle());
    quietly(() => region.sharedBuffer());
    quietly(() => region.protect("read", { byteOffset: 0, byteLength: PAGE }));
    quietly(() => {
      region.bytes[1] = 1;
    });
    quietly(() => region.check());
    quietly(() => region.repair());
    quietly(() => region.discard({ byteOffset: 1, byteLength: 5000 }));
    quietly(() => region.flushSync());
    quietly(() => region.resize(6 * PAGE));
    quietly(() => region.resize(2 * PAGE));
  }
  // Some of them end under the patch, the others afterwards.
  quietly(() => regions[0]?.close());
  quietly(() => regions[2]?.close());
  return { canaries, around, regions, views };
}

/** @returns what was harmed */
function check({ canaries, around, regions, views }: State): unknown[] {
  for (const region of regions) region?.close();
  for (const view of views) quietly(() => view.fill(238)); // dead, or memory that is nobody's
  const harmed: unknown[] = [...canaries.keys()].filter((i) =>
    i !== 3 && canaries[i]!.some((byte) => byte !== 165)
  );
  around.fill(165, 100, 110);
  if (around.some((byte) => byte !== 165)) harmed.push("around");
  return harmed;
}

/** Descriptors, since a getter is replaced by a getter. @returns what takes the lie back */
function patch(target: object, key: PropertyKey, lie: () => unknown): (() => void) | undefined {
  const old = Object.getOwnPropertyDescriptor(target, key)!;
  if (!old.configurable && !old.writable) return undefined;
  const next = "value" in old
    ? { ...old, value: typeof old.value === "function" ? lie : undefined }
    : { ...old, get: lie };
  defineProperty(target, key, next);
  return () => defineProperty(target, key, old);
}

/** What was harmed by each change, and how many there were. */
interface Told {
  readonly count: number;
  readonly harm: Record<string, unknown>;
}

/** Registrations that are collected late must harm nobody either. */
async function tell({ MmapRegion }: Module, { count, harm }: Told): Promise<Told> {
  const later = Array.from({ length: 40 }, () => MmapRegion.anonymous(4 * PAGE));
  for (const region of later) region.bytes.fill(7);
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve)); // finalizers run between tasks
  }
  if (later.some(({ bytes }) => bytes.some((byte) => byte !== 7))) harm["later"] = true;
  return { count, harm };
}

await act({
  /** Every built-in in turn is the lie, while a region is in use. */
  async useUnder(dir: string, lie: string): Promise<Told> {
    const harm: Record<string, unknown> = {};
    let count = 0;
    const module = await import("@mmap/mmap");
    for (const [name, target] of Object.entries(TARGETS)) {
      for (const key of Reflect.ownKeys(target)) {
        const undo = patch(target, key, LIES[lie]!);
        if (undo === undefined) continue;
        count++;
        const state = use(module, `${dir}/data.bin`);
        undo();
        const found = check(state);
        if (found.length > 0) harm[`${name}.${String(key)}`] = found;
      }
    }
    return await tell(module, { count, harm });
  },

  /** One built-in is the lie already while the module is loaded. */
  async loadUnder(dir: string, target: string, key: string, lie: string): Promise<Told> {
    const undo = patch(TARGETS[target], key, LIES[lie]!)!;
    const module = await import("@mmap/mmap");
    const state = use(module, `${dir}/data.bin`);
    undo();
    const found = check(state);
    return await tell(module, { count: 1, harm: found.length > 0 ? { memory: found } : {} });
  },
});
