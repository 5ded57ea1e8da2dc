/** A file that another process truncates under its map: what is read, written, counted and told. */

import { assertEquals } from "@std/assert";
import { assertDiesBy, ignore, livesOnBothFileSystems } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

/** Eight pages of a file, cut inside of the fourth one. */
const CUT = `
  const path = makeFile(8 * PAGE);
  const end = 3 * PAGE + 100;
  const region = MmapRegion.open(path, { access: "read-write" });
  const { bytes } = region;
  let sum = 0;
  for (let at = 0; at < bytes.length; at += PAGE) sum += bytes[at]; // all pages are there
  truncate(path, end);
`;

livesOnBothFileSystems(
  "MmapRegion of a truncated file reads zeros, keeps writes to itself, counts and tells",
  `${CUT}
  region.check();
  assertEquals(region.faults, 0);
  assertEquals(bytes.subarray(0, end), pattern(8 * PAGE).subarray(0, end));
  assertEquals(bytes.subarray(end, 4 * PAGE), new Uint8Array(PAGE - 100)); // no fault: the page is there
  assertEquals(region.faults, 0);
  assertEquals(bytes[5 * PAGE + 7], 0);
  assertEquals(region.faults, 1);
  bytes[5 * PAGE + 8] = 9; // the page is there now
  bytes[7 * PAGE + 1] = 8;
  assertEquals([bytes[5 * PAGE + 8], bytes[7 * PAGE + 1]], [9, 8]);
  assertEquals(region.faults, 2);
  for (let i = 0; i < 2; i++) {
    assertFault(() => region.check(), path, 5 * PAGE + 7, 2);
    assertFault(() => region.flushSync(), path, 5 * PAGE + 7, 2);
    assertFault(() => region.flushSync({ byteLength: 1, durability: "memory" }), path, 5 * PAGE + 7, 2);
    const error = await assertRejects(() => region.flush(), MappingFaultError);
    assertEquals([error.path, error.byteOffset, error.faults], [path, 5 * PAGE + 7, 2]);
    await assertRejects(() => region.flush({ durability: "disk" }), MappingFaultError);
  }
  assertEquals(Deno.readFileSync(path), pattern(8 * PAGE).subarray(0, end));
  region.close();
  assertEquals(region.faults, 2);
`,
);

livesOnBothFileSystems(
  "MmapRegion of a truncated file keeps sharing the bytes below its new end",
  `${CUT}
  assertEquals(bytes[6 * PAGE], 0);
  bytes[PAGE] = 201;
  bytes[end - 1] = 202;
  const file = Deno.openSync(path, { write: true });
  file.seekSync(2 * PAGE, Deno.SeekMode.Start);
  file.writeSync(Uint8Array.of(203));
  file.close();
  using other = MmapRegion.open(path);
  assertEquals([other.bytes[PAGE], other.bytes[end - 1], bytes[2 * PAGE]], [201, 202, 203]);
  const written = Deno.readFileSync(path);
  assertEquals([written.length, written[PAGE], written[end - 1]], [end, 201, 202]);
  assertFault(() => region.flushSync(), path, 6 * PAGE, 1); // what is left was flushed all the same
`,
);

for (
  const [name, heal] of [
    ["repair()", "region.repair();"],
    ["resize()", "region.resize(8 * PAGE - 5);"],
    ["resize() to more", "region.resize(9 * PAGE);"],
    ["reopening", `region.close(); region = MmapRegion.open(path, { access: "read-write" });`],
  ]
) {
  livesOnBothFileSystems(
    `MmapRegion gives the true file again after ${name}`,
    `${CUT.replace("const region", "let region")}
    assertEquals(bytes[4 * PAGE], 0);
    bytes[5 * PAGE] = 77;
    bytes[7 * PAGE] = 78;
    const { faults } = region;
    assertEquals(faults, 3);
    makeFile(pattern(8 * PAGE, 50)); // grows again, the same inode
    assertEquals([bytes[4 * PAGE], bytes[5 * PAGE]], [0, 77]); // cut off all the same
    assertFault(() => region.check(), path, 4 * PAGE, faults);
    ${heal}
    region.check();
    region.flushSync();
    await region.flush();
    const known = Math.min(region.byteLength, 8 * PAGE);
    assertEquals(region.bytes.subarray(0, known), pattern(8 * PAGE, 50).subarray(0, known));
    region.bytes[5 * PAGE] = 66;
    assertEquals(Deno.readFileSync(path)[5 * PAGE], 66);
    assertEquals(region.faults, ${name === "reopening" ? 0 : "faults"});
    truncate(path, PAGE); // and again: the first fault is another one now
    assertEquals(region.bytes[6 * PAGE + 3], 0);
    assertFault(() => region.check(), path, 6 * PAGE + 3, region.faults);
  `,
  );
}

livesOnBothFileSystems(
  "MmapRegion.repair() of a file that is still too short leaves the missing pages to the guard",
  `${CUT}
  assertEquals(bytes[6 * PAGE], 0);
  bytes[6 * PAGE] = 5;
  region.repair();
  region.check();
  assertEquals(bytes[0], pattern(1)[0]);
  assertEquals(bytes[6 * PAGE], 0); // missing again, and no longer this process's 5
  assertFault(() => region.check(), path, 6 * PAGE, 2);
`,
);

livesOnBothFileSystems(
  "MmapRegion.repair() of copy-on-write memory keeps the other private changes",
  `
  const path = makeFile(8 * PAGE);
  using region = MmapRegion.open(path, { access: "copy-on-write" });
  const { bytes } = region;
  bytes[1] = 91;
  bytes[2 * PAGE] = 92;
  truncate(path, 4 * PAGE);
  assertEquals(bytes[6 * PAGE], 0);
  bytes[6 * PAGE] = 93;
  assertFault(() => region.check(), path, 6 * PAGE, 1);
  // Grows again without being emptied, which would take the private pages too.
  const file = Deno.openSync(path, { write: true });
  file.writeSync(pattern(8 * PAGE, 3));
  file.close();
  region.repair();
  region.check();
  assertEquals([bytes[1], bytes[2 * PAGE]], [91, 92]);
  assertEquals(bytes[6 * PAGE], pattern(8 * PAGE, 3)[6 * PAGE]);
  assertEquals(Deno.readFileSync(path), pattern(8 * PAGE, 3));
`,
);

livesOnBothFileSystems(
  "MmapRegion from an odd byte on counts the faults' place from its beginning",
  `
  const path = makeFile(8 * PAGE);
  const byteOffset = PAGE + 1001;
  using region = MmapRegion.open(path, { access: "read-write", byteOffset });
  truncate(path, 2 * PAGE);
  const at = 3 * PAGE - byteOffset + 20;
  assertEquals(region.bytes[at], 0);
  assertFault(() => region.check(), path, at, 1);
  makeFile(8 * PAGE);
  region.repair();
  assertEquals(region.bytes, pattern(8 * PAGE).subarray(byteOffset));
  truncate(path, 0);
  // The page's bytes before the region belong to nobody: the region's first byte is told.
  assertEquals(new Uint8Array(region.buffer)[1000], 0);
  assertFault(() => region.check(), path, 0, 2);
`,
);

livesOnBothFileSystems(
  "MmapRegion lives where Python's mmap dies of the same truncation",
  `
  const path = makeFile(8 * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  const python = new Deno.Command("python3", {
    args: ["-c", \`
import mmap, sys
file = open(sys.argv[1], "r+b")
memory = mmap.mmap(file.fileno(), 0)
print("mapped", flush=True)
sys.stdin.readline()
print(memory[\${6 * PAGE}], flush=True)
\`, path],
    stdin: "piped", stdout: "piped",
  }).spawn();
  const output = python.stdout.getReader();
  let line = "";
  while (!line.endsWith("\\n")) line += text.decode((await output.read()).value);
  assertEquals(line, "mapped\\n");
  truncate(path, PAGE);
  assertEquals(region.bytes[6 * PAGE], 0);
  const input = python.stdin.getWriter();
  await input.write(new TextEncoder().encode("\\n"));
  assertEquals((await output.read()).done, true);
  const status = await python.status;
  assertEquals([status.success, status.signal], [false, "SIGBUS"]);
  await input.close().catch(() => {});
  assertEquals(region.faults, 1);
  assertFault(() => region.check(), path, 6 * PAGE, 1);
`,
);

for (const parent of [undefined, "/dev/shm"]) {
  Deno.test({
    name: `MmapRegion with guard: false dies of truncation (${parent ?? "disk"})`,
    ignore,
    fn: () =>
      withTempDir(async (dir) => {
        const body = `
          const path = makeFile(4 * PAGE);
          const region = MmapRegion.open(path, { guard: false });
          using guarded = MmapRegion.open(path); // the guard is there, but not for that one
          truncate(path, 0);
          assertEquals([guarded.bytes[3 * PAGE], guarded.faults, region.faults], [0, 1, 0]);
          console.log("ready");
          console.log(region.bytes[3 * PAGE]);`;
        await assertDiesBy("SIGBUS", body, { args: [dir] });
        assertEquals([...Deno.readDirSync(dir)].length, 1);
      }, parent),
  });
}

livesOnBothFileSystems(
  "MmapRegion.repair() heals a region that was made with MAP_FIXED_NOREPLACE",
  `
  const path = makeFile(2 * PAGE);
  const free = C.mmap(null, 2 * PAGE, C.PROT_NONE, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
  C.munmap(free, 2 * PAGE);
  const address = Deno.UnsafePointer.value(free);
  using region = MmapRegion.open(path, { address, flags: C.MAP_FIXED_NOREPLACE });
  truncate(path, PAGE);
  assertEquals(region.bytes[PAGE], 0);
  truncate(path, 2 * PAGE);
  Deno.writeFileSync(path, pattern(2 * PAGE));
  region.repair();
  region.check();
  assertEquals(region.bytes, pattern(2 * PAGE));
`,
);

livesOnBothFileSystems(
  "MmapRegion.check() still throws if a page was cut off while repair() was at work",
  `
  const { libc, replaceLibc } = await import(import.meta.resolve("./ffi/libc.ts"));
  const path = makeFile(PAGE);
  using region = MmapRegion.open(path, { access: "read-write", create: true, byteLength: 4 * PAGE });
  const { bytes } = region;
  truncate(path, PAGE);
  bytes[PAGE] = 1;
  const real = libc();
  const touchAfter = (call) => (...args) => {
    const result = call(...args);
    bytes[3 * PAGE] = 2; // as another thread may
    return result;
  };
  replaceLibc({ ...real, mprotect: touchAfter(real.mprotect) });
  region.repair();
  replaceLibc(real);
  assertEquals(region.faults, 2);
  assertThrows(() => region.check(), MappingFaultError);
  region.repair();
  region.check();
`,
);

livesOnBothFileSystems(
  "MmapRegion absorbs a write to missing pages of a read-only region's sharedBuffer()",
  `
  const path = makeFile(4 * PAGE);
  using region = MmapRegion.open(path);
  const bytes = new Uint8Array(region.sharedBuffer());
  truncate(path, PAGE);
  bytes[2 * PAGE] = 1; // first it may not be written to, then it is missing
  assertEquals([bytes[2 * PAGE], region.faults], [1, 2]);
  assertThrows(() => region.check(), MappingFaultError);
`,
);
