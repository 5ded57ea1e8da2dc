/** Limits of the process, each in a child that sets it for itself: the error, and what is left. */

import { assertEquals } from "@std/assert";
import { resultOf } from "../_child.ts";
import { makeFile, makeSparseFile, withTempDir } from "../_files.ts";

const ignore = Deno.build.os !== "linux"; // the numbers of the limits are Linux's

/** Source text for a child. */
interface Attempt {
  /** Comes first. */
  setup?: string;
  /** Sets the limit. */
  limit: string;
  /** An array of functions. */
  attempts: string;
  /** Takes the limit back, if nothing could be looked at within it. */
  undo?: string;
  /** A path that is `path` in the child. */
  path?: string;
}

/** What each attempt gives, and what the process holds afterwards that it did not hold before. */
function attempt({ setup = "", limit, attempts, undo = "", path }: Attempt): Promise<unknown> {
  const code = `
    import { MmapRegion } from "@mmap/mmap";
    import * as C from "@mmap/mmap/libc";
    import * as own from "./tests/_process.ts";
    const path = Deno.args[0] ?? "no path";
    const held = () => [
      ...own.openDescriptors(),
      ...own.mapsOf("/memfd:").map((line) => line.slice(26)),
      ...own.mapsOf(path).map((line) => line.slice(26)),
    ].sort();
    MmapRegion.anonymous(1).close(); // loads libc and the guard
    ${setup}
    const before = held();
    ${limit}
    const results = (${attempts}).map((call) => {
      try {
        call();
        return "done";
      } catch ({ constructor, code, errno, syscall }) {
        return [constructor.name, code, errno, syscall];
      }
    });
    ${undo}
    const after = held();
    const leaked = String(after) === String(before) ? null : { before, after };
    console.log(JSON.stringify({ results, leaked }));
  `;
  return resultOf(code, { args: path === undefined ? [] : [path] });
}

/** 1 GiB of address space is left. */
const LITTLE_SPACE = `own.setLimit("AS", own.addressSpace() + 2 ** 30);`;
const NO_SPACE = ["Error", "ENOMEM", 12, "mmap"];

Deno.test(
  "MmapRegion throws ENOMEM without address space",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      const result = await attempt({
        path: makeSparseFile(dir, 2 ** 33),
        setup: `const fd = C.open(path, C.O_RDONLY);`,
        limit: LITTLE_SPACE,
        attempts: `[
        () => MmapRegion.anonymous(2 ** 32, { sharing: "shared" }),
        () => MmapRegion.anonymous(2 ** 32, { sharing: "private", reserve: false }),
        () => MmapRegion.open(path),
        () => MmapRegion.open(path, { access: "read-write", byteOffset: 1 }),
        () => MmapRegion.open(path, { access: "copy-on-write", reserve: false }),
        () => MmapRegion.fromFd(fd),
        () => MmapRegion.open(path, { byteLength: 4096 }).close(),
        () => MmapRegion.anonymous(4096).close(),
      ]`,
      });
      assertEquals(result, { results: [...Array(6).fill(NO_SPACE), "done", "done"], leaked: null });
    }),
);

Deno.test(
  "MmapRegion.attach() throws ENOMEM without address space",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      const result = await attempt({
        path: makeSparseFile(dir, 2 ** 33),
        setup: `
        const small = MmapRegion.open(path, { byteLength: 4096 });
        void small.bytes;
        const handle = { ...small.handle(), byteLength: 2 ** 33 };
      `,
        limit: LITTLE_SPACE,
        attempts: `[
        () => MmapRegion.attach(handle),
        () => MmapRegion.attach(handle, { byteLength: 4096 }).close(),
        () => { if (small.bytes[0] !== 0) throw new Error("harmed"); },
      ]`,
      });
      assertEquals(result, { results: [NO_SPACE, "done", "done"], leaked: null });
    }),
);

Deno.test("MmapRegion.resize() throws ENOMEM without address space and keeps the region", {
  ignore,
}, () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 5000);
    const result = await attempt({
      path,
      setup: `
        const regions = [
          MmapRegion.open(path, { access: "read-write", allocate: false }),
          MmapRegion.anonymous(5000),
          MmapRegion.anonymous(5000, { sharing: "private" }),
        ];
        for (const { bytes } of regions) bytes.fill(5);
      `,
      limit: LITTLE_SPACE,
      attempts: `[
        ...regions.map((region) => () => region.resize(2 ** 32)),
        ...regions.map((region) => () => {
          if (region.byteLength !== 5000 || !region.bytes.every((byte) => byte === 5)) {
            throw new Error("harmed");
          }
        }),
      ]`,
    });
    const results = [...Array(3).fill(NO_SPACE), ...Array(3).fill("done")];
    assertEquals(result, { results, leaked: null });
    assertEquals(Deno.readFileSync(path), new Uint8Array(5000).fill(5));
  }));

Deno.test(
  "MmapRegion throws EMFILE without a descriptor",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 5000);
      const result = await attempt({
        path,
        setup: `
        const fd = C.open(path, C.O_RDWR);
        const region = MmapRegion.open(path);
        const handle = region.handle();
        const create = { access: "read-write", create: true, byteLength: 1 };
      `,
        limit: `
        const next = C.open("/dev/null", C.O_RDONLY); // the lowest that is free
        C.close(next);
        const old = own.setLimit("NOFILE", next);
      `,
        attempts: `[
        () => MmapRegion.open(path),
        () => MmapRegion.open(path, { ...create, truncate: true }),
        () => MmapRegion.open(path + ".new", { ...create, createNew: true }),
        () => MmapRegion.open(path + ".new", create),
        () => MmapRegion.fromFd(fd),
        () => MmapRegion.anonymous(4096),
        () => MmapRegion.attach(handle),
        () => MmapRegion.anonymous(4096, { sharing: "private" }).close(),
        () => { if (region.bytes.length !== 5000) throw new Error("harmed"); },
      ]`,
        undo: `own.setLimit("NOFILE", old);`,
      });
      const full = (syscall: string) => ["Error", "EMFILE", 24, syscall];
      const results = [...Array(4).fill("open"), "fcntl", "memfd_create", "open"].map(full);
      assertEquals(result, { results: [...results, "done", "done"], leaked: null });
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["data.bin"]);
      assertEquals(Deno.statSync(path).size, 5000);
    }),
);

Deno.test("MmapRegion throws EMFILE after many regions and recovers", { ignore }, async () => {
  const result = await resultOf(
    `
    import { MmapRegion } from "@mmap/mmap";
    import { mapsOf } from "./tests/_process.ts";
    const regions = [];
    let failure;
    while (failure === undefined) {
      try {
        regions.push(MmapRegion.anonymous(4096, { label: "many" }));
      } catch ({ code, syscall }) {
        failure = [code, syscall];
      }
    }
    for (const region of regions) region.close();
    MmapRegion.anonymous(4096).close();
    console.log(JSON.stringify([failure, regions.length > 100, mapsOf("/memfd:many").length]));
    `,
    { ulimit: "ulimit -n 200" },
  );
  assertEquals(result, [["EMFILE", "memfd_create"], true, 0]);
});

Deno.test("MmapRegion.protect() throws ENOMEM beyond the number of mappings", {
  ignore,
}, async () => {
  const result = await resultOf(`
    import { MmapRegion } from "@mmap/mmap";
    const limit = Number(Deno.readTextFileSync("/proc/sys/vm/max_map_count"));
    const options = { sharing: "private", reserve: false };
    const region = MmapRegion.anonymous((limit + 10) * 4096, options);
    const { bytes } = region;
    let failure;
    for (let page = 1; failure === undefined; page += 2) {
      try {
        region.protect("read", { byteOffset: page * 4096, byteLength: 4096 });
      } catch ({ constructor, code, syscall }) {
        failure = [constructor.name, code, syscall];
      }
    }
    bytes[0] = 1;
    region.close();
    using again = MmapRegion.anonymous(4096);
    console.log(JSON.stringify([failure, again.byteLength]));
  `);
  assertEquals(result, [["Error", "ENOMEM", "mprotect"], 4096]);
});

/** Nobody, who may lock 64 KiB. */
const LITTLE_LOCK = `own.setLimit("MEMLOCK", 65536); own.dropPrivileges();`;
const LOCK_LIMIT = ["Error", "ENOMEM", 12, "mlock"];

/** Attempts with a file of 256 KiB, `path` in the child, which everybody may read. */
function attemptWithFile(limit: string, attempts: string, expected: unknown[]): Promise<void> {
  return withTempDir(async (dir) => {
    Deno.chmodSync(dir, 0o755);
    const path = makeFile(dir, 2 ** 18);
    Deno.chmodSync(path, 0o644);
    const result = await attempt({ path, limit, attempts });
    assertEquals(result, { results: expected, leaked: null });
  });
}

Deno.test(
  "MmapRegion with lock throws ENOMEM beyond the limit of locked memory",
  { ignore },
  () =>
    attemptWithFile(
      LITTLE_LOCK,
      `[
      () => MmapRegion.anonymous(65537, { lock: true }),
      () => MmapRegion.anonymous(65537, { sharing: "private", lock: true }),
      () => MmapRegion.open(path, { lock: true }),
      () => MmapRegion.open(path, { lock: true, byteOffset: 4095, byteLength: 65536 }),
      () => MmapRegion.anonymous(65536, { lock: true }).close(),
      () => MmapRegion.open(path, { lock: true, byteLength: 65536 }).close(),
    ]`,
      [...Array(4).fill(LOCK_LIMIT), "done", "done"],
    ),
);

Deno.test("MmapRegion.lock() throws ENOMEM beyond the limit and keeps the region", {
  ignore,
}, async () => {
  const result = await attempt({
    setup: `const region = MmapRegion.anonymous(2 ** 18); void region.bytes;`,
    limit: LITTLE_LOCK,
    attempts: `[
      () => region.lock(),
      () => region.lock({ byteLength: 65537 }),
      () => region.lock({ byteOffset: 4096, byteLength: 65536 }),
      () => region.lock({ byteOffset: 4096, byteLength: 65536 }), // locked already
      () => region.lock({ byteLength: 1 }),
      () => region.unlock(),
      () => region.lock({ byteLength: 65536 }),
      () => region.unlock(),
      () => region.bytes.fill(1),
    ]`,
  });
  const results = [LOCK_LIMIT, LOCK_LIMIT, "done", "done", LOCK_LIMIT, ...Array(4).fill("done")];
  assertEquals(result, { results, leaked: null });
});

Deno.test("MmapRegion throws EPERM where nothing may be locked", { ignore }, () =>
  attemptWithFile(
    `own.setLimit("MEMLOCK", 0); own.dropPrivileges();`,
    `[
      () => MmapRegion.anonymous(1, { lock: true }),
      () => MmapRegion.open(path, { lock: true }),
      () => MmapRegion.open(path, { flags: C.MAP_LOCKED }),
      () => { using region = MmapRegion.anonymous(1); region.lock(); },
    ]`,
    ["mlock", "mlock", "mmap", "mlock"].map((syscall) => ["PermissionDenied", "EPERM", 1, syscall]),
  ));

Deno.test(
  "MmapRegion.open() with MAP_LOCKED throws EAGAIN beyond the limit",
  { ignore },
  () =>
    attemptWithFile(
      LITTLE_LOCK,
      `[
      () => MmapRegion.open(path, { flags: C.MAP_LOCKED }),
      () => MmapRegion.open(path, { flags: C.MAP_LOCKED, byteLength: 65536 }).close(),
    ]`,
      [["WouldBlock", "EAGAIN", 11, "mmap"], "done"],
    ),
);
