/** Built-in prototypes that a program has changed, before or after the module was loaded. */

import { assertEquals } from "@std/assert";
import { resultOf } from "../_child.ts";
import { ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

/** What is replaced: everything that these objects have of their own. */
const TARGETS = `[
  ["ArrayBuffer", ArrayBuffer], ["ArrayBuffer.prototype", ArrayBuffer.prototype],
  ["TypedArray", Object.getPrototypeOf(Uint8Array)],
  ["TypedArray.prototype", Object.getPrototypeOf(Uint8Array.prototype)],
  ["Uint8Array", Uint8Array], ["Uint8Array.prototype", Uint8Array.prototype],
  ["FinalizationRegistry.prototype", FinalizationRegistry.prototype],
]`;

/** What each is replaced by. The real function is at hand: a program may well only watch. */
const LIES: Record<string, string> = {
  throw: `() => { throw new Error("patched"); }`,
  nothing: `() => undefined`,
  "a large number": `() => 2 ** 24`,
  "another array": `() => new Real(2 ** 20)`,
};

/**
 * Uses a region in every way with \`patch()\` in force, a fault absorbed among them; then takes the
 * patch back and looks whether memory that lies around was harmed.
 */
const USE = `
  const [dir] = Deno.args;
  const PAGE = 4096;
  const Real = Uint8Array;
  const real = { fill: Real.prototype.fill, slice: Real.prototype.slice, define: Object.defineProperty };
  const path = dir + "/data.bin";
  const quietly = (call) => { try { return call(); } catch { return undefined; } };
  function use(M) {
    const canaries = Array.from({ length: 64 }, () => real.fill.call(new Real(32), 165));
    const around = real.fill.call(new Real(2 ** 16), 165);
    const regions = [
      quietly(() => M.open(path, { access: "read-write" })),
      quietly(() => M.open(path, { access: "copy-on-write", byteOffset: 9 })),
      quietly(() => M.anonymous(4 * PAGE, { resizable: true })),
      quietly(() => M.anonymous(4 * PAGE, { sharing: "private" })),
    ];
    const views = [];
    for (const region of regions) {
      if (region === undefined) continue;
      quietly(() => views.push(region.bytes));
      quietly(() => region.tryRead(canaries[3], 4 * PAGE - 40));
      quietly(() => region.tryRead(new Real(around.buffer, 100, 10), 0));
      quietly(() => region.tryWrite(canaries[5], 4 * PAGE - 8));
      quietly(() => region.tryWrite(new Real(16), 0));
      quietly(() => region.equals(new Real(16), 0));
      quietly(() => region.indexOf(new Real(16), 0));
      quietly(() => region.lastIndexOf(canaries[6]));
      quietly(() => region.count(canaries[7]));
      quietly(() => region.count("text"));
      quietly(() => region.compare(new Real(5000)));
      quietly(() => region.split(3, "\\0"));
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
      quietly(() => { region.bytes[1] = 1; });
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
  function check({ canaries, around, regions, views }) {
    for (const region of regions) region?.close();
    for (const view of views) quietly(() => view.fill(238)); // dead, or memory that is nobody's
    const harmed = canaries.map((canary, i) => [i, canary]).filter(([i, canary]) =>
      i !== 3 && canary.some((byte) => byte !== 165)
    ).map(([i]) => i);
    around.fill(165, 100, 110);
    if (around.some((byte) => byte !== 165)) harmed.push("around");
    return harmed;
  }
`;

/** Descriptors, since a getter is replaced by a getter. */
const PATCH = `
  function patch(target, key, lie) {
    const old = Object.getOwnPropertyDescriptor(target, key);
    if (!old.configurable && !old.writable) return undefined;
    const next = "value" in old
      ? { ...old, value: typeof old.value === "function" ? lie : undefined }
      : { ...old, get: lie };
    real.define(target, key, next);
    return () => real.define(target, key, old);
  }
`;

/** What a child looks at in the end: registrations that are collected late must harm nobody. */
const LATER = `
  const later = Array.from({ length: 40 }, () => MmapRegion.anonymous(4 * PAGE));
  for (const region of later) region.bytes.fill(7);
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve)); // finalizers run between tasks
  }
  if (later.some(({ bytes }) => bytes.some((byte) => byte !== 7))) harm["later"] = true;
  console.log(JSON.stringify({ count, harm }));
`;

/** Runs one child. @returns what was harmed by each thing that it patched */
async function harmOf(code: string): Promise<{ count: number; harm: Record<string, unknown> }> {
  let result;
  await withTempDir(async (dir) => {
    Deno.writeFileSync(`${dir}/data.bin`, new Uint8Array(4 * 4096));
    const source = `${USE} ${PATCH}
      const harm = {};
      let count = 0;
      ${code} ${LATER}`;
    result = await resultOf(source, { args: [dir], v8Flags: "--expose-gc" });
  });
  return result!;
}

/** Every change of one built-in, for \`for\` loops. */
const EACH = `for (const [name, target, key] of ${TARGETS}.flatMap(([name, target]) =>
  Reflect.ownKeys(target).map((key) => [name, target, key])
))`;

for (const [name, lie] of Object.entries(LIES)) {
  Deno.test(`MmapRegion survives built-ins that answer with ${name}`, { ignore }, async () => {
    const { count, harm } = await harmOf(`
      const { MmapRegion } = await import("@mmap/mmap");
      ${EACH} {
        const undo = patch(target, key, ${lie});
        if (undo === undefined) continue;
        count++;
        const state = use(MmapRegion);
        undo();
        const found = check(state);
        if (found.length > 0) harm[name + "." + String(key)] = found;
      }`);
    assertEquals(harm, {});
    assertEquals(count > 60, true, `only ${count} patched`);
  });
}

/** What the module captures when it is loaded, or uses then. */
const CAPTURED = [
  "ArrayBuffer.prototype.transfer",
  "Object.getPrototypeOf(Uint8Array.prototype).set",
  "Object.getPrototypeOf(Uint8Array.prototype).subarray",
  "Object.getPrototypeOf(Uint8Array.prototype).fill",
  "FinalizationRegistry.prototype.register",
  "FinalizationRegistry.prototype.unregister",
];

for (const captured of CAPTURED) {
  const lies = captured.endsWith(".transfer") ? ["throw", "nothing", "another array"] : ["nothing"];
  for (const name of lies) {
    Deno.test(`MmapRegion survives ${captured} that answers with ${name} while it is loaded`, {
      ignore,
    }, async () => {
      const at = captured.lastIndexOf(".");
      const { harm } = await harmOf(`
        const undo = patch(${captured.slice(0, at)}, "${captured.slice(at + 1)}", ${LIES[name]});
        const { MmapRegion } = await import("@mmap/mmap");
        const state = use(MmapRegion);
        undo();
        const found = check(state);
        if (found.length > 0) harm["memory"] = found;`);
      assertEquals(harm, {});
    });
  }
}
