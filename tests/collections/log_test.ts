/** `AppendLog` in one process: records, positions, errors, growth, and what close leaves. */

import { MappingFaultError } from "@mmap/mmap";
import { AppendLog } from "@mmap/mmap/collections";
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { checksum } from "../../src/collections/checksum.ts";
import { system } from "../../src/os/mod.ts";
import { thrownBy } from "../_errors.ts";
import { withSystem } from "../_fake_system.ts";
import { truncate } from "../_fault_child.ts";
import { linux } from "../_capabilities.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const WRITE = { access: "read-write", create: true } as const;

function contents(log: AppendLog, from = 0): Uint8Array[] {
  return [...log.entries({ from })].map(({ record }) => record.slice());
}

onBothFileSystems("AppendLog gives back what was appended, by position and in order", (dir) => {
  const path = join(dir, "a.log");
  const records = [encode("one"), new Uint8Array(), encode("three"), pattern(5000), pattern(7)];
  using log = AppendLog.open(path, WRITE);
  assertEquals([log.byteLength, log.access, log.closed], [0, "read-write", false]);
  const positions = records.map((record) => log.append(record));
  assertEquals(positions, [0, 16, 24, 40, 5048]);
  using reader = AppendLog.open(path);
  for (const each of [log, reader]) {
    assertEquals(positions.map((position) => each.read(position)), records);
    assertEquals(contents(each), records);
    assertEquals(contents(each, 24), records.slice(2));
    assertEquals([...each].map(({ position }) => position), positions);
    assertEquals(contents(each, each.byteLength), []);
  }
  assertEquals(reader.byteLength, 5064);
});

onBothFileSystems("AppendLog.append() makes a record visible to readers that are open", (dir) => {
  const path = join(dir, "a.log");
  using log = AppendLog.open(path, WRITE);
  using reader = AppendLog.open(path);
  const large = pattern(1 << 20); // beyond what the reader has mapped
  for (let i = 0; i < 5; i++) {
    const position = log.append(large);
    assertEquals(reader.byteLength, log.byteLength);
    assertEquals(reader.read(position), large);
  }
});

Deno.test("AppendLog.append() fills its file to the last byte before it grows it", async () => {
  await withTempDir((dir) => {
    using log = AppendLog.open(join(dir, "a.log"), WRITE);
    const record = pattern(4096 - 8);
    for (let i = 0; i < 600; i++) log.append(record); // ends at every multiple of every step
    assertEquals(contents(log).length, 600);
    assertEquals(log.read(599 * 4096), record);
  });
});

Deno.test("AppendLog.open() finds what an earlier one appended, and goes on behind it", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.log");
    for (let i = 0; i < 4; i++) {
      using log = AppendLog.open(path, WRITE);
      assertEquals(contents(log), Array.from({ length: i }, (_, k) => encode(`record ${k}`)));
      log.append(encode(`record ${i}`));
    }
    // The file ends where the log does.
    assertEquals(Deno.statSync(path).size, 4096 + 4 * 16);
  });
});

Deno.test("AppendLog.close() leaves a log that it cannot cut to the next writer", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.log");
    const log = AppendLog.open(path, WRITE);
    log.append(encode("a"));
    const { size } = Deno.statSync(path);
    const duplicate = (): never => {
      throw new Error("too many open files");
    };
    await withSystem({ objects: { duplicate } }, () => log.close());
    assertEquals(Deno.statSync(path).size, size);
    {
      using next = AppendLog.open(path, WRITE);
      next.append(encode("b"));
      assertEquals(contents(next), [encode("a"), encode("b")]);
    }
    assertEquals(Deno.statSync(path).size, 4096 + 2 * 16);
  });
});

Deno.test("AppendLog.entries() ends at what was the end when it was called", async () => {
  await withTempDir((dir) => {
    using log = AppendLog.open(join(dir, "a.log"), WRITE);
    log.append(encode("a"));
    for (const { record } of log.entries()) log.append(record);
    assertEquals(contents(log).length, 2);
  });
});

Deno.test("AppendLog.read() returns copies that no later call changes", async () => {
  await withTempDir((dir) => {
    using log = AppendLog.open(join(dir, "a.log"), WRITE);
    for (let i = 0; i < 2000; i++) log.append(pattern(i % 300, i));
    const copies = [...log.entries()].map(({ record }) => record);
    copies.forEach((copy, i) => assertEquals(copy, pattern(i % 300, i)));
    copies[5]!.fill(0);
    assertEquals(copies[4], pattern(4, 4));
    assertEquals(copies[6], pattern(6, 6));
    assertEquals(contents(log)[5], pattern(5, 5));
  });
});

Deno.test("AppendLog.open() of a second writer throws Busy until the first one is closed", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.log");
    const first = AppendLog.open(path, WRITE);
    first.append(encode("a"));
    for (const options of [WRITE, { access: "read-write" } as const]) {
      const error = assertThrows(() => AppendLog.open(path, options), Deno.errors.Busy);
      assertEquals(error.message, `Cannot open log: another writer has '${path}' open`);
    }
    AppendLog.open(path).close(); // readers may come
    first.close();
    using second = AppendLog.open(path, WRITE);
    assertEquals(contents(second), [encode("a")]);
  });
});

Deno.test("AppendLog.open() checks its options before it touches the file", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "none.log");
    const open = (options: unknown) => () => AppendLog.open(path, options as { create: true });
    assertThrows(open({ create: 1 }), TypeError, "create must be a boolean");
    assertThrows(open({ access: "write" }), TypeError, `access must be "read" or`);
    assertThrows(open({ access: "read", create: true }), TypeError, `needs access "read-write"`);
    assertThrows(open(null), TypeError);
    assertThrows(() => AppendLog.open(7 as unknown as string), TypeError);
    assertThrows(open({}), Deno.errors.NotFound);
    assertThrows(open({ access: "read-write" }), Deno.errors.NotFound);
    assertEquals([...Deno.readDirSync(dir)], []);
  });
});

Deno.test("AppendLog.open() says what a file is that is no log, and leaves it as it is", async () => {
  await withTempDir((dir) => {
    const other = new Uint8Array(8192);
    other.set(encode("mmapcoll"));
    const view = new DataView(other.buffer);
    const seal = () => view.setInt32(40, checksum(new Int32Array(other.buffer), 1, 36, 0), true);
    const cases: [Uint8Array, string][] = [
      [encode("hello"), "is too short"],
      [pattern(8192), "holds no collection"],
      [new Uint8Array(8192), "holds no collection"],
    ];
    view.setUint32(8, 2, true);
    seal();
    cases.push([other.slice(), "it has version 2 of the format"]);
    view.setUint32(8, 1, true);
    cases.push([other.slice(), "its header is damaged"]);
    view.setUint32(12, 2, true);
    seal();
    cases.push([other.slice(), "it holds another kind of collection: map"]);
    for (const [bytes, message] of cases) {
      const path = makeFile(dir, bytes, "other.bin");
      for (const options of [{}, WRITE, { access: "read-write" } as const]) {
        assertThrows(() => AppendLog.open(path, options), Deno.errors.InvalidData, message);
        assertEquals(Deno.readFileSync(path), bytes);
      }
    }
  });
});

Deno.test("AppendLog.open() makes a log in an empty file, and anew where its maker died", async () => {
  await withTempDir((dir) => {
    const made = new Uint8Array(4096);
    const begun = new Uint8Array(70_000);
    begun.set(encode("make"));
    for (const bytes of [new Uint8Array(), made, begun]) {
      const path = makeFile(dir, bytes, "a.log");
      using log = AppendLog.open(path, WRITE);
      log.append(encode("a"));
      assertEquals(contents(log), [encode("a")]);
    }
  });
});

Deno.test("AppendLog.append() wants a writer and a Uint8Array", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.log");
    using log = AppendLog.open(path, WRITE);
    for (const bad of ["text", null, undefined, new Uint16Array(1), { length: 3 }]) {
      assertThrows(() => log.append(bad as Uint8Array), TypeError, "record must be a Uint8Array");
    }
    using reader = AppendLog.open(path);
    assertThrows(() => reader.append(encode("a")), Deno.errors.PermissionDenied);
    assertThrows(() => reader.commit(), Deno.errors.PermissionDenied);
    assertEquals(log.byteLength, 0);
  });
});

Deno.test("AppendLog.append() frames the true length of an array that lies about it", async () => {
  await withTempDir((dir) => {
    using log = AppendLog.open(join(dir, "a.log"), WRITE);
    for (const lie of [0, 1e9]) {
      const record = pattern(20);
      Object.defineProperty(record, "length", { value: lie });
      log.append(record);
    }
    assertEquals(contents(log), [pattern(20), pattern(20)]);
  });
});

Deno.test("AppendLog.read() throws for a position that is none", async () => {
  await withTempDir((dir) => {
    using log = AppendLog.open(join(dir, "a.log"), WRITE);
    log.append(pattern(100));
    log.append(pattern(100));
    for (const position of [-8, 4, 1.5, NaN, Infinity, log.byteLength, 1 << 30]) {
      assertThrows(() => log.read(position), RangeError, "position");
    }
    assertThrows(() => log.read("0" as unknown as number), TypeError);
    assertThrows(() => log.read(16), Deno.errors.InvalidData, "no record begins at position 16");
    assertThrows(() => log.entries({ from: 3 }), RangeError, "from must be a multiple of 8");
    assertThrows(() => log.follow({ from: -8 }), RangeError);
    assertThrows(() => log.follow({ signal: 1 as unknown as AbortSignal }), TypeError);
    assertThrows(() => [...log.entries({ from: 16 })], Deno.errors.InvalidData);
  });
});

Deno.test("AppendLog.commit() checks its options and writes the log to the disk", async () => {
  await withTempDir((dir) => {
    using log = AppendLog.open(join(dir, "a.log"), WRITE);
    log.append(encode("a"));
    log.commit();
    log.commit({ durability: "memory" });
    log.commit({ durability: "disk" });
    const bad = { durability: "data" as "disk" };
    assertThrows(() => log.commit(bad), TypeError, 'durability must be "memory" or');
  });
});

Deno.test("AppendLog.append() keeps what is there, whether it was committed or not", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.log");
    const records = Array.from({ length: 900 }, (_, i) => pattern(3000 + i, i));
    const [often, seldom] = [7, 200]; // the parts of 256 KiB that are faulted in hold about 75
    for (let next = 0; next < records.length;) {
      using log = AppendLog.open(path, WRITE); // 300 of them end in the middle of such a part
      const every = next === 300 ? seldom : often;
      for (const end = next + 300; next < end; next++) {
        log.append(records[next]!);
        if (next % every === 0) log.commit({ durability: "disk" });
      }
      assertEquals(contents(log), records.slice(0, next));
    }
  });
});

Deno.test("AppendLog.append() does not make a file whole again that was cut", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.log");
    using log = AppendLog.open(path, WRITE);
    for (let i = 0; i < 25; i++) log.append(pattern(8000));
    truncate(path, 100_000);
    assertThrows(() => log.append(pattern(80_000)), MappingFaultError); // begins another part
    assertEquals(Deno.statSync(path).size, 100_000);
  });
});

Deno.test("a closed AppendLog throws BadResource, and closes twice in silence", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.log");
    const log = AppendLog.open(path, WRITE);
    log.append(encode("a"));
    log.append(encode("b"));
    const entries = log.entries();
    entries.next();
    log.close();
    log.close();
    log[Symbol.dispose]();
    const calls = [
      () => log.append(encode("a")),
      () => log.read(0),
      () => log.entries(),
      () => log.follow(),
      () => log.commit(),
      () => entries.next(),
    ];
    for (const call of calls) assertEquals(thrownBy(call)?.constructor, Deno.errors.BadResource);
    assertEquals([log.closed, log.byteLength, log.access], [true, 0, "read-write"]);
  });
});

Deno.test("AppendLog.follow() yields what is there and what comes", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.log");
    using log = AppendLog.open(path, WRITE);
    using reader = AppendLog.open(path);
    log.append(encode("0"));
    for (const each of [log, reader]) {
      const seen: string[] = [];
      const start = log.byteLength - 16;
      for await (const { record } of each.follow({ from: start })) {
        seen.push(new TextDecoder().decode(record));
        if (seen.length === 20) break;
        queueMicrotask(() => log.append(encode(`${seen.length}`)));
      }
      assertEquals(seen.slice(1), Array.from({ length: 19 }, (_, i) => `${i + 1}`));
    }
  });
});

Deno.test("AppendLog.follow() wakes the follower of a log that grows beyond its map", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.log");
    using log = AppendLog.open(path, WRITE);
    const follower = log.follow();
    for (let i = 0; i < 4; i++) {
      const next = follower.next();
      await Promise.resolve();
      log.append(pattern(300_000, i)); // grows the file while somebody sleeps on its header
      assertEquals((await next).value!.record, pattern(300_000, i));
    }
    await follower.return!();
  });
});

Deno.test("AppendLog.append() makes a system call only if somebody sleeps", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.log");
    using log = AppendLog.open(path, WRITE);
    using reader = AppendLog.open(path);
    const { waiting } = system();
    let wakes = 0;
    const wake: typeof waiting.wake = (...args) => {
      wakes++;
      return waiting.wake(...args);
    };
    await withSystem({ waiting: { wake } }, async () => {
      for (let i = 0; i < 100; i++) log.append(encode("a"));
      assertEquals(wakes, 0);
      const next = reader.follow({ from: log.byteLength }).next();
      await Promise.resolve();
      wakes = 0;
      log.append(encode("b"));
      assertEquals(wakes, 1);
      log.append(encode("c")); // it is awake already
      assertEquals(wakes, 1);
      assertEquals((await next).value!.record, encode("b"));
    });
  });
});

Deno.test("AppendLog.follow() throws the signal's reason, and ends when the log is closed", async () => {
  await withTempDir(async (dir) => {
    const log = AppendLog.open(join(dir, "a.log"), WRITE);
    const controller = new AbortController();
    const aborted = log.follow({ signal: controller.signal }).next();
    const closed = log.follow().next();
    controller.abort("enough");
    assertEquals(await Promise.allSettled([aborted]), [{ status: "rejected", reason: "enough" }]);
    const early = log.follow({ signal: AbortSignal.abort("before") }).next();
    assertEquals(await Promise.allSettled([early]), [{ status: "rejected", reason: "before" }]);
    log.close();
    assertEquals(await closed, { done: true, value: undefined });
  });
});

Deno.test("checksum() is XXH32", () => {
  // Of the reference implementation (xxhsum -H0), for bytes i * 7 + ... of `pattern`.
  const known: [Uint8Array, number, number][] = [
    [new Uint8Array(), 0, 0x02cc5d05],
    [encode("a"), 0, 0x550d7456],
    [encode("abc"), 0, 0x32d153ff],
    [encode("Nobody inspects the spammish repetition"), 0, 0xe2293b2f],
  ];
  for (const [bytes, seed, expected] of known) {
    const padded = new Uint8Array((bytes.length + 3 & ~3) + 4);
    padded.set(bytes);
    const found = checksum(new Int32Array(padded.buffer), 0, bytes.length, seed);
    assertEquals((found >>> 0).toString(16), expected.toString(16));
  }
});

Deno.test({
  name: "AppendLog fills huge pages one by one, and reads what it has filled as any file (smaps)",
  ignore: linux.ignore || !Deno.readTextFileSync("/proc/self/smaps").includes("VmFlags"),
  fn: async () => {
    await withTempDir((dir) => {
      const path = join(dir, "a.log");
      using log = AppendLog.open(path, WRITE);
      for (let i = 0; i < 3; i++) log.append(new Uint8Array(3 << 20));
      const parts = flagsOf(path).filter(({ byteLength }) => byteLength > 4096);
      assertEquals(parts.map(({ flags }) => flags.includes("rr")), [false, true]);
      assertEquals(parts[0]!.byteLength >= 4 << 20, true, `${parts[0]!.byteLength}`);
    });
  },
});

/** The mappings of a file, in the order of its bytes. */
function flagsOf(path: string): { byteLength: number; flags: string[] }[] {
  return Deno.readTextFileSync("/proc/self/smaps").split(/\n(?=[0-9a-f]+-)/)
    .filter((block) => block.split("\n", 1)[0]!.endsWith(path)).map((block) => {
      const [start, end] = block.split(" ", 1)[0]!.split("-").map((text) => BigInt(`0x${text}`));
      const flags = /VmFlags: (.*)/.exec(block)![1]!.trim().split(" ");
      return { byteLength: Number(end! - start!), flags };
    });
}
