/** A disk without room: an error where blocks are reserved, a fault that is told where they are not. */

import { assertLives } from "../_faults.ts";
import { SMALL_DISKS } from "../_mount.ts";
import { assertRuns } from "../_program.ts";

/** Fills the disk but for `spare` bytes, more or less. */
const FILL = `
  function fill() {
    const file = Deno.openSync(dir + "/filler", { write: true, create: true });
    // What is written is reserved generously at first: again, until syncing sets nothing free.
    for (let size = -1; size < file.statSync().size;) {
      size = file.statSync().size;
      for (let step = 65536; step >= 512; step /= 2) {
        try {
          while (file.writeSync(new Uint8Array(step).fill(1)) > 0);
        } catch (error) {
          assert(error.message.includes("os error 28"), error.message);
        }
      }
      file.syncSync();
    }
    file.close();
  }
  function assertFull(call) {
    const { code, errno, syscall } = assertThrows(call, Error);
    assertEquals([code, errno], ["ENOSPC", 28]);
    assert(["fallocate", "pwritev2"].includes(syscall), syscall); // ext2 has no fallocate
  }
  const names = () => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  const LARGE = 64 * 2 ** 20;
`;

function onSmallDisks(name: string, body: string): void {
  for (const disk of SMALL_DISKS) {
    Deno.test({
      name: `${name} (${disk.name}${disk.missing === undefined ? "" : `: ${disk.missing}`})`,
      ignore: disk.missing !== undefined,
      fn: () =>
        disk.with(async (dir) => {
          await assertLives(FILL + body, { args: [dir] });
        }),
    });
  }
}

onSmallDisks(
  "MmapRegion.open() on a full disk throws ENOSPC and leaves no new file",
  `
  const before = names();
  for (const option of [{ createNew: true }, { create: true }, { create: true, truncate: true }]) {
    const options = { access: "read-write", byteLength: LARGE, ...option };
    assertFull(() => MmapRegion.open(dir + "/new", options));
    assertEquals(names(), before);
  }
  MmapRegion.open(dir + "/new", { access: "read-write", createNew: true, byteLength: PAGE }).close();
`,
);

onSmallDisks(
  "MmapRegion.open() on a full disk throws ENOSPC and leaves a file as it was",
  `
  const path = makeFile(3 * PAGE + 5);
  for (const option of [{ create: true }, { truncate: true }]) {
    assertFull(() => MmapRegion.open(path, { access: "read-write", byteLength: LARGE, ...option }));
    assertEquals(Deno.readFileSync(path), pattern(3 * PAGE + 5));
  }
`,
);

onSmallDisks(
  "MmapRegion.resize() on a full disk throws ENOSPC and changes nothing",
  `
  const path = makeFile(3 * PAGE + 5);
  using region = MmapRegion.open(path, { access: "read-write" });
  const { bytes } = region;
  fill();
  assertFull(() => region.resize(LARGE));
  assertEquals([region.byteLength, Deno.statSync(path).size], [3 * PAGE + 5, 3 * PAGE + 5]);
  assertEquals(bytes, pattern(3 * PAGE + 5)); // the views are alive
  bytes[0] = 200;
  region.flushSync();
  Deno.removeSync(dir + "/filler");
  region.resize(5 * PAGE);
  region.bytes[5 * PAGE - 1] = 201;
  const file = Deno.readFileSync(path);
  assertEquals([file.length, file[0], file[5 * PAGE - 1], region.faults], [5 * PAGE, 200, 201, 0]);
`,
);

onSmallDisks(
  "MmapRegion of a file without blocks on a full disk counts the writes that have no place, and tells",
  `
  const path = makeFile(new Uint8Array(0));
  const size = 512 * PAGE;
  using region = MmapRegion.open(path, {
    access: "read-write", create: true, byteLength: size, allocate: false,
  });
  fill();
  const { bytes } = region;
  let told = false;
  for (let at = 0; at < size; at += PAGE) {
    bytes[at] = 77;
    assertEquals(bytes[at], 77); // for this process, every write is there
  }
  let lost = 0;
  try {
    region.flushSync();
  } catch (error) {
    told = error instanceof MappingFaultError || error.code === "ENOSPC";
  }
  assertEquals(told, true);
  assert(region.faults > 0);
  const first = assertThrows(() => region.check(), MappingFaultError);
  assertEquals([first.path, first.faults], [path, region.faults]);
  await assertRejects(() => region.flush(), Error);
  const file = Deno.readFileSync(path);
  assertEquals(file[first.byteOffset], 0);
  for (let at = 0; at < size; at += PAGE) if (file[at] !== 77) lost++;
  assert(lost > 0 && lost >= region.faults);
  // Once there is room, the true file is mapped again, and what it lacks can be written.
  Deno.removeSync(dir + "/filler");
  region.repair();
  region.check();
  assertEquals(bytes[first.byteOffset], 0);
  const fits = 60; // pages
  for (let page = 0; page < fits; page++) bytes[page * PAGE] = 78;
  region.check();
  region.flushSync();
  const healed = Deno.readFileSync(path);
  for (let page = 0; page < fits; page++) assertEquals(healed[page * PAGE], 78);
`,
);

onSmallDisks(
  "MmapRegion on a full disk keeps what the rest of a page holds that cannot be written",
  `
  // The first 1000 bytes of the page are in a block, the others are a hole.
  const path = makeFile(pattern(1000));
  truncate(path, 4 * PAGE);
  fill();
  using region = MmapRegion.open(path, { access: "read-write" });
  const { bytes } = region;
  const held = bytes.slice(0, PAGE);
  assertEquals(held.subarray(0, 1000), pattern(1000));
  bytes[2000] = 5;
  bytes[3 * PAGE] = 6;
  assertEquals(bytes.subarray(0, 1000), pattern(1000));
  assertEquals([bytes[2000], bytes[3 * PAGE]], [5, 6]);
  assert(region.faults > 0);
  assertThrows(() => region.check(), MappingFaultError);
`,
);

for (const disk of SMALL_DISKS) {
  Deno.test({
    name: "MmapRegion keeps what pages hold where process_vm_readv is forbidden " +
      `(${disk.name}${disk.missing === undefined ? "" : `: ${disk.missing}`})`,
    ignore: disk.missing !== undefined,
    fn: () =>
      disk.with(async (dir) => {
        await assertRuns(new URL("_without_copies.ts", import.meta.url), { args: [dir] });
      }),
  });
}
