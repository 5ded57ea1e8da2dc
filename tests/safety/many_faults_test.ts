/** More faults than the system allows mappings: each absorbed page is a mapping of its own at first. */

import { livesOnBothFileSystems } from "../_faults.ts";

const options = { timeoutMs: 120_000 };

/** What a process needs that goes on: memory, threads, and mappings of its own. */
const GO_ON = `
  async function goOn() {
    const held = Array.from({ length: 40 }, (_, i) => Array.from({ length: 50000 }, (_, j) => [i, j]));
    assertEquals(held[39][49999], [39, 49999]);
    const { worker, next } = startWorker("self.postMessage(1)");
    assertEquals(await next(), 1);
    worker.terminate();
    MmapRegion.anonymous(PAGE).close();
  }
  const mappings = () => Deno.readTextFileSync("/proc/self/maps").split("\\n").length;
`;

const BIG = 600 * 2 ** 20;

livesOnBothFileSystems(
  "MmapRegion survives faults on every second page of 600 MiB that were cut off",
  `${GO_ON}
  const path = makeFile(pattern(PAGE));
  truncate(path, ${BIG});
  using region = MmapRegion.open(path, { access: "read-write" });
  using before = MmapRegion.anonymous(PAGE);
  before.bytes.fill(5);
  truncate(path, PAGE);
  const { bytes } = region;
  let sum = 0;
  for (let at = PAGE; at < ${BIG}; at += 2 * PAGE) sum += bytes[at];
  const limit = Number(Deno.readTextFileSync("/proc/sys/vm/max_map_count"));
  assert(${BIG} / PAGE > limit);
  assertEquals(sum, 0);
  assertFault(() => region.check(), path, PAGE, region.faults);
  assert(mappings() < 10000);
  await goOn();
  assertEquals(bytes.subarray(0, PAGE), pattern(PAGE)); // what is there stays shared
  bytes[1] = 99;
  assertEquals(Deno.readFileSync(path)[1], 99);
  truncate(path, ${BIG});
  region.repair();
  region.check();
  bytes[${BIG} - 1] = 7;
  using other = MmapRegion.open(path, { byteOffset: ${BIG} - PAGE });
  assertEquals([other.bytes[PAGE - 1], before.bytes[0]], [7, 5]);
  await goOn();
`,
  options,
);

livesOnBothFileSystems(
  "MmapRegion survives writes to every second page of 600 MiB that were cut off and read",
  `${GO_ON}
  const path = makeFile(pattern(PAGE));
  truncate(path, ${BIG});
  using region = MmapRegion.open(path, { access: "read-write" });
  truncate(path, PAGE);
  const { bytes } = region;
  let sum = 0;
  for (let at = PAGE; at < ${BIG}; at += PAGE) sum += bytes[at];
  for (let at = PAGE; at < ${BIG}; at += 2 * PAGE) bytes[at] = 1;
  assert(mappings() < 30000);
  await goOn();
  for (let at = PAGE; at < ${BIG}; at += PAGE) sum += bytes[at];
  assertEquals(sum, (${BIG} / PAGE) / 2);
`,
  options,
);

livesOnBothFileSystems(
  "MmapRegion keeps what was written to cut off pages, however many follow",
  `${GO_ON}
  const pages = 20000;
  const path = makeFile(1);
  truncate(path, pages * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  truncate(path, PAGE);
  const { bytes } = region;
  // From the end to the beginning: every replacement meets pages that are in use already.
  for (let page = pages - 1; page >= 1; page -= 3) bytes[page * PAGE] = page & 0xff;
  for (let page = pages - 2; page >= 1; page -= 3) bytes[page * PAGE] = page & 0xff;
  for (let page = pages - 1; page >= 1; page--) {
    if ((pages - 1 - page) % 3 !== 2) assertEquals(bytes[page * PAGE], page & 0xff, String(page));
  }
  await goOn();
`,
  options,
);

livesOnBothFileSystems(
  "MmapRegion survives stray writes to every second page of 600 MiB",
  `${GO_ON}
  const path = makeFile(pattern(PAGE));
  truncate(path, ${BIG});
  using region = MmapRegion.open(path);
  const { bytes } = region;
  for (let at = 0; at < ${BIG}; at += 2 * PAGE) bytes[at] = 1;
  assertFault(() => region.check(), path, 0, region.faults);
  await goOn();
  assert(mappings() < 30000);
  region.repair();
  region.check();
  assertEquals(bytes.subarray(0, PAGE), pattern(PAGE));
  assertEquals([bytes[2 * PAGE], bytes[${BIG} - 2 * PAGE]], [0, 0]);
  await goOn();
`,
  options,
);
