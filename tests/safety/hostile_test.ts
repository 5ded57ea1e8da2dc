/** Callers that do everything to be given memory that is not theirs, or is there no more. */

import { assertLives, ignore, livesOnBothFileSystems } from "../_faults.ts";

/** A value whose use as an option, a number or a text closes or shrinks a region first. */
const TRAPS = `
  const traps = (spring, value) => ({
    getter: (key) => ({ get [key]() { spring(); return value; } }),
    proxy: (key) => new Proxy({}, {
      get: (_, name) => { spring(); return name === key ? value : undefined; },
      has: () => { spring(); return true; },
      ownKeys: () => { spring(); return []; },
    }),
    number: (key) => ({ [key]: { valueOf() { spring(); return value; }, toString() { spring(); return ""; } } }),
    primitive: (key) => ({ [key]: { [Symbol.toPrimitive]() { spring(); return value; } } }),
    symbol: (key) => ({ [key]: Symbol("x") }),
    thrower: (key) => ({ get [key]() { spring(); throw new Error("from a getter"); } }),
  });
  const content = new Uint8Array(8 * PAGE);
  const path = makeFile(content);
  const make = () => [
    MmapRegion.anonymous(8 * PAGE, { resizable: true }),
    MmapRegion.anonymous(8 * PAGE, { sharing: "private" }),
    MmapRegion.open(path, { access: "read-write", create: true, byteLength: 8 * PAGE }),
    MmapRegion.open(path, { access: "copy-on-write", byteOffset: 7 }),
  ];
  /** Everything that a region can do, with an argument in each place. */
  const CALLS = (region, bag) => [
    () => region.view(Uint8Array, bag.byteOffset),
    () => region.view(Uint8Array, 0, bag.byteOffset),
    () => region.view(bag),
    () => region.dataView(bag.byteOffset, bag.byteLength),
    () => region.flushSync(bag), () => region.flush(bag),
    () => region.advise("normal", bag), () => region.advise(bag, {}), () => region.advise("dont-need", bag),
    () => region.populate(bag), () => region.populateSync(bag),
    () => region.protect("read", bag), () => region.protect(bag),
    () => region.lockPages(bag), () => region.unlockPages(bag), () => region.lock(bag),
    () => region.residency(bag), () => region.probe(bag), () => region.discard(bag),
    () => region.resize(bag.byteOffset), () => region.resize(bag),
    () => region.tryRead(bag, 0), () => region.tryRead(new Uint8Array(9), bag.byteOffset),
    () => region.tryWrite(bag, 0), () => region.tryWrite(new Uint8Array(9), bag),
    () => region.indexOf?.(bag), () => region.indexOf?.("x", bag.byteOffset),
    () => region.lastIndexOf?.(bag), () => region.lastIndexOf?.("x", bag.byteOffset),
    () => region.equals?.(bag), () => region.equals?.(new Uint8Array(9), bag.byteOffset),
    () => [...region.lines?.(bag)], () => region.readable?.(bag),
    () => region.env(bag), () => region.shareWith(bag, bag),
    () => MmapRegion.attach(region.handle(), bag), () => MmapRegion.attach({ ...region.handle(), ...bag }),
    () => MmapRegion.attach(bag), () => MmapRegion.open(bag), () => MmapRegion.open("/dev/zero", bag),
    () => MmapRegion.fromFd(bag), () => MmapRegion.fromFd(3, bag), () => MmapRegion.fromEnv(bag),
    () => MmapRegion.anonymous(bag), () => MmapRegion.anonymous(PAGE, bag),
    () => MmapRegion.named(bag), () => MmapRegion.named("mmap_test_none", bag), () => MmapRegion.unlink(bag),
    () => region.sharedBuffer(bag), () => region.repair(bag), () => region.check(bag), () => region.refresh(bag),
  ];
  async function survive(call) {
    try {
      const made = await call();
      if (made instanceof MmapRegion) made.close();
    } catch (error) {
      assert(error instanceof Error, String(error));
    }
  }
`;

for (const [name, spring] of [["closes", "region.close()"], ["shrinks", "region.resize(100)"]]) {
  livesOnBothFileSystems(
    `MmapRegion survives arguments whose reading ${name} the region`,
    `${TRAPS}
    for (const value of [0, 7 * PAGE, "x"]) {
      for (const key of ["byteOffset", "byteLength"]) {
        for (let kind = 0; kind < 6; kind++) {
          for (let call = 0; ; call++) {
            const regions = make();
            let calls;
            for (const region of regions) {
              const spring = () => { if (!region.closed) try { ${spring}; } catch { /* sealed */ } };
              const bag = Object.values(traps(spring, value))[kind](key);
              calls = CALLS(region, bag);
              if (call < calls.length) await survive(calls[call]);
              if (!region.closed && region.byteLength > 0) region.bytes[region.byteLength - 1] ^= 1;
              region.close();
            }
            if (call >= calls.length) break;
          }
        }
      }
    }
  `.replace('8 * PAGE - 8, -1, 2 ** 40, NaN, "x", undefined', '-1, "x"'),
  );
}

livesOnBothFileSystems(
  "MmapRegion.lines() ends if the region gets shorter or is closed meanwhile",
  `
  const path = makeFile(new TextEncoder().encode("line\\n".repeat(100000)));
  for (const shorten of [(region) => region.resize(7), (region) => region.close()]) {
    const region = MmapRegion.open(path, { access: "copy-on-write" });
    const lines = region.lines()[Symbol.iterator]();
    for (let i = 0; i < 50000; i++) assertEquals(lines.next().value, "line");
    shorten(region);
    let left;
    try {
      left = [...{ [Symbol.iterator]: () => lines }];
    } catch (error) {
      left = error.constructor;
    }
    assertEquals(left, region.closed ? Deno.errors.BadResource : []);
    region.close();
  }
`,
);

Deno.test("MmapRegion's members do nothing on other receivers", { ignore }, async () => {
  await assertLives(`
    const region = MmapRegion.anonymous(PAGE);
    const others = [
      {}, [], null, undefined, 1, "x", Symbol("x"), () => 1, new Uint8Array(8), MmapRegion,
      MmapRegion.prototype, Object.create(region), Object.create(MmapRegion.prototype),
      new Proxy(region, {}), { __proto__: MmapRegion.prototype }, globalThis,
      Object.create(MmapRegion.prototype, { byteLength: { value: 1e9 }, closed: { value: false } }),
    ];
    let members = 0;
    for (let level = MmapRegion.prototype; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
      for (const key of Reflect.ownKeys(level)) {
        if (key === "constructor") continue;
        const { value, get } = Object.getOwnPropertyDescriptor(level, key);
        members++;
        for (const other of others) {
          const use = async () => await Reflect.apply(value ?? get, other, [Uint8Array, 0]);
          await assertRejects(use, TypeError, undefined, String(key));
        }
      }
    }
    assert(members > 30);
    for (const args of [[], [null], [{}], [region], [{ facts: {}, live() { return region; } }]]) {
      assertThrows(() => new MmapRegion(...args), TypeError, "Illegal constructor");
      class Sub extends MmapRegion {}
      assertThrows(() => new Sub(...args), TypeError, "Illegal constructor");
      assertThrows(() => Reflect.construct(MmapRegion, args, Uint8Array), TypeError, "Illegal constructor");
    }
    class Sub extends MmapRegion {}
    const made = Sub.anonymous(PAGE);
    assertEquals(made.constructor, MmapRegion);
    const { anonymous, open } = MmapRegion; // statics need no receiver
    anonymous(PAGE).close();
    assertThrows(() => open("/no/such/file"), Deno.errors.NotFound);
    made.close();
    region.close();
  `);
});

livesOnBothFileSystems(
  "MmapRegion survives buffers that were transferred, posted and kept, in any order",
  `
  const kept = [];
  const channel = new MessageChannel();
  const delivered = Promise.withResolvers();
  channel.port2.onmessage = ({ data }) =>
    data === "end" ? delivered.resolve() : kept.push(new Uint8Array(data));
  const steal = [
    (buffer) => kept.push(new Uint8Array(buffer.transfer())),
    (buffer) => kept.push(new Uint8Array(buffer.transfer(3 * PAGE))),
    (buffer) => kept.push(new Uint8Array(buffer.transferToFixedLength(PAGE))),
    (buffer) => kept.push(new Uint8Array(structuredClone(buffer, { transfer: [buffer] }))),
    (buffer) => channel.port1.postMessage(buffer, [buffer]),
  ];
  const next = [
    (region) => region.close(), (region) => region.resize(9 * PAGE), (region) => region.resize(1),
    (region) => region.repair(), (region) => region.flushSync(), (region) => region.protect("read"),
    (region) => region.discard(), (region) => region.refresh(), (region) => region.sharedBuffer(),
    (region) => region.tryRead(new Uint8Array(8 * PAGE), 0), (region) => region.bytes, (region) => region.view(Uint8Array),
    (region) => region.advise("dont-need"), (region) => region.indexOf?.("none"),
  ];
  const content = new Uint8Array(8 * PAGE);
  const path = makeFile(content);
  for (const take of steal) {
    for (const act of next) {
      for (const access of ["read-write", "copy-on-write"]) {
        makeFile(content);
        const region = MmapRegion.open(path, { access });
        take(region.buffer);
        try { act(region); } catch (error) { assert(error instanceof Error); }
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
`,
);
