/** Calls with arguments, receivers and buffers that do everything to get at memory. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { act } from "../_act.ts";
import { makeFile } from "../_files.ts";
import { PAGE } from "../_pages.ts";

// deno-lint-ignore no-explicit-any -- whatever plain JavaScript can pass
type Anything = any;

const Region: Anything = MmapRegion;

/** Objects whose use as an option, a number or a text closes or shrinks a region first. */
function traps(spring: () => void, value: unknown): ((key: string) => object)[] {
  const sprung = (): unknown => {
    spring();
    return value;
  };
  return [
    (key) => ({
      get [key](): unknown {
        return sprung();
      },
    }),
    (key) =>
      new Proxy({}, {
        get(_, name): unknown {
          spring();
          return name === key ? value : undefined;
        },
        has(): boolean {
          spring();
          return true;
        },
        ownKeys(): string[] {
          spring();
          return [];
        },
      }),
    (key) => ({
      [key]: {
        valueOf: sprung,
        toString(): string {
          spring();
          return "";
        },
      },
    }),
    (key) => ({ [key]: { [Symbol.toPrimitive]: sprung } }),
    (key) => ({ [key]: Symbol("x") }),
    (key) => ({
      get [key](): unknown {
        spring();
        throw new Error("from a getter");
      },
    }),
  ];
}

function makeRegions(dir: string): MmapRegion[] {
  const path = `${dir}/data.bin`;
  return [
    MmapRegion.anonymous(8 * PAGE, { resizable: true }),
    MmapRegion.anonymous(8 * PAGE, { sharing: "private" }),
    MmapRegion.open(path, { access: "read-write", create: true, byteLength: 8 * PAGE }),
    MmapRegion.open(path, { access: "copy-on-write", byteOffset: 7 }),
  ];
}

/** Everything that a region can do, with an argument in each place. */
const calls = (region: Anything, bag: Anything): (() => unknown)[] => [
  () => region.view(Uint8Array, bag.byteOffset),
  () => region.view(Uint8Array, 0, bag.byteOffset),
  () => region.view(bag),
  () => region.dataView(bag.byteOffset, bag.byteLength),
  () => region.flushSync(bag),
  () => region.flush(bag),
  () => region.advise("normal", bag),
  () => region.advise(bag, {}),
  () => region.advise("dont-need", bag),
  () => region.populate(bag),
  () => region.populateSync(bag),
  () => region.protect("read", bag),
  () => region.protect(bag),
  () => region.lockPages(bag),
  () => region.unlockPages(bag),
  () => region.lock(bag),
  () => region.residency(bag),
  () => region.probe(bag),
  () => region.discard(bag),
  () => region.resize(bag.byteOffset),
  () => region.resize(bag),
  () => region.tryRead(bag, 0),
  () => region.tryRead(new Uint8Array(9), bag.byteOffset),
  () => region.tryWrite(bag, 0),
  () => region.tryWrite(new Uint8Array(9), bag),
  () => region.indexOf(bag),
  () => region.indexOf("x", bag.byteOffset),
  () => region.lastIndexOf(bag),
  () => region.lastIndexOf("x", bag.byteOffset),
  () => region.equals(bag),
  () => region.equals(new Uint8Array(9), bag.byteOffset),
  () => [...region.lines(bag)],
  () => region.readable(bag),
  () => region.env(bag),
  () => region.shareWith(bag, bag),
  () => Region.attach(region.handle(), bag),
  () => Region.attach({ ...region.handle(), ...bag }),
  () => Region.attach(bag),
  () => Region.open(bag),
  () => Region.open("/dev/zero", bag),
  () => Region.fromFd(bag),
  () => Region.fromFd(3, bag),
  () => Region.fromEnv(bag),
  () => Region.anonymous(bag),
  () => Region.anonymous(PAGE, bag),
  () => Region.named(bag),
  () => Region.named("mmap_test_none", bag),
  () => Region.unlink(bag),
  () => region.sharedBuffer(bag),
  () => region.repair(bag),
  () => region.check(bag),
  () => region.refresh(bag),
];

async function survive(call: () => unknown): Promise<void> {
  try {
    const made = await call();
    if (made instanceof MmapRegion) made.close();
  } catch (error) {
    assert(error instanceof Error, String(error));
  }
}

await act({
  async surviveSpringing(dir: string, way: "close" | "shrink"): Promise<void> {
    makeFile(dir, new Uint8Array(8 * PAGE));
    for (const value of [0, 7 * PAGE, "x"]) {
      for (const key of ["byteOffset", "byteLength"]) {
        for (let kind = 0; kind < 6; kind++) {
          for (let call = 0, count = 1; call < count; call++) {
            for (const region of makeRegions(dir)) {
              const spring = (): void => {
                if (region.closed) return;
                try {
                  if (way === "close") region.close();
                  else region.resize(100);
                } catch { /* sealed */ }
              };
              const all = calls(region, traps(spring, value)[kind]!(key));
              count = all.length;
              await survive(all[call]!);
              if (!region.closed && region.byteLength > 0) {
                region.bytes[region.byteLength - 1]! ^= 1;
              }
              region.close();
            }
          }
        }
      }
    }
  },

  endLines(dir: string): void {
    const path = makeFile(dir, new TextEncoder().encode("line\n".repeat(100000)));
    const ways: ((region: MmapRegion) => void)[] = [
      (region) => region.resize(7),
      (region) => region.close(),
    ];
    for (const shorten of ways) {
      const region = MmapRegion.open(path, { access: "copy-on-write" });
      const lines = region.lines()[Symbol.iterator]();
      for (let i = 0; i < 50000; i++) assertEquals(lines.next().value, "line");
      shorten(region);
      let left: unknown;
      try {
        left = [...{ [Symbol.iterator]: () => lines }];
      } catch (error) {
        left = (error as Error).constructor;
      }
      assertEquals(left, region.closed ? Deno.errors.BadResource : []);
      region.close();
    }
  },

  async refuseReceivers(): Promise<void> {
    const region = MmapRegion.anonymous(PAGE);
    const others = [
      {},
      [],
      null,
      undefined,
      1,
      "x",
      Symbol("x"),
      () => 1,
      new Uint8Array(8),
      MmapRegion,
      MmapRegion.prototype,
      Object.create(region),
      Object.create(MmapRegion.prototype),
      new Proxy(region, {}),
      { __proto__: MmapRegion.prototype },
      globalThis,
      Object.create(MmapRegion.prototype, { byteLength: { value: 1e9 }, closed: { value: false } }),
    ];
    let members = 0;
    for (
      let level = MmapRegion.prototype;
      level !== Object.prototype;
      level = Object.getPrototypeOf(level)
    ) {
      for (const key of Reflect.ownKeys(level)) {
        if (key === "constructor") continue;
        const { value, get } = Object.getOwnPropertyDescriptor(level, key)!;
        members++;
        for (const other of others) {
          const use = async () => await Reflect.apply(value ?? get, other, [Uint8Array, 0]);
          await assertRejects(use, TypeError, undefined, String(key));
        }
      }
    }
    assert(members > 30);
    for (
      const args of [[], [null], [{}], [region], [{
        facts: {},
        live(): MmapRegion {
          return region;
        },
      }]]
    ) {
      assertThrows(() => new Region(...args), TypeError, "Illegal constructor");
      class Sub extends Region {}
      assertThrows(() => new (Sub as Anything)(...args), TypeError, "Illegal constructor");
      assertThrows(
        () => Reflect.construct(MmapRegion, args, Uint8Array),
        TypeError,
        "Illegal constructor",
      );
    }
    class Sub extends Region {}
    const made = (Sub as Anything).anonymous(PAGE);
    assertEquals(made.constructor, MmapRegion);
    const { anonymous, open } = MmapRegion; // statics need no receiver
    anonymous(PAGE).close();
    assertThrows(() => open("/no/such/file"), Deno.errors.NotFound);
    made.close();
    region.close();
  },

  async surviveStolenBuffers(dir: string): Promise<void> {
    const kept: Uint8Array[] = [];
    const channel = new MessageChannel();
    const delivered = Promise.withResolvers<void>();
    channel.port2.onmessage = ({ data }) =>
      data === "end" ? delivered.resolve() : kept.push(new Uint8Array(data));
    const steal: ((buffer: ArrayBuffer) => unknown)[] = [
      (buffer) => kept.push(new Uint8Array(buffer.transfer())),
      (buffer) => kept.push(new Uint8Array(buffer.transfer(3 * PAGE))),
      (buffer) => kept.push(new Uint8Array(buffer.transferToFixedLength(PAGE))),
      (buffer) => kept.push(new Uint8Array(structuredClone(buffer, { transfer: [buffer] }))),
      (buffer) => channel.port1.postMessage(buffer, [buffer]),
    ];
    const next: ((region: MmapRegion) => unknown)[] = [
      (region) => region.close(),
      (region) => region.resize(9 * PAGE),
      (region) => region.resize(1),
      (region) => region.repair(),
      (region) => region.flushSync(),
      (region) => region.protect("read"),
      (region) => region.discard(),
      (region) => region.refresh(),
      (region) => region.sharedBuffer(),
      (region) => region.tryRead(new Uint8Array(8 * PAGE), 0),
      (region) => region.bytes,
      (region) => region.view(Uint8Array),
      (region) => region.advise("dont-need"),
      (region) => region.indexOf("none"),
    ];
    const content = new Uint8Array(8 * PAGE);
    const path = makeFile(dir, content);
    for (const take of steal) {
      for (const act of next) {
        for (const access of ["read-write", "copy-on-write"] as const) {
          makeFile(dir, content);
          const region = MmapRegion.open(path, { access });
          take(region.buffer);
          try {
            act(region);
          } catch (error) {
            assert(error instanceof Error);
          }
          region.close();
        }
      }
    }
    channel.port1.postMessage("end");
    await delivered.promise;
    for (let i = 0; i < 50; i++) MmapRegion.anonymous(8 * PAGE).close(); // addresses are used again
    const fresh = MmapRegion.anonymous(64 * PAGE);
    assert(kept.length > 100);
    for (const bytes of kept) bytes.fill(238); // nobody else's memory
    assertEquals(fresh.bytes, new Uint8Array(64 * PAGE));
    channel.port1.close();
  },
});
