/** What a crash of the machine, or somebody's editor, leaves of a log: torn, damaged, forged. */

import { MappingFaultError } from "@mmap/mmap";
import { AppendLog, type LogEntry } from "@mmap/mmap/collections";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { random } from "./_random.ts";
import { guard } from "../_capabilities.ts";
import { truncate } from "../_fault_child.ts";
import { pattern, withTempDir } from "../_files.ts";

const WRITE = { access: "read-write", create: true } as const;
const HEADER = 4096;

/** A closed log of records of so many bytes. @returns its path */
function logOf(dir: string, lengths: number[], commit = false): string {
  const path = join(dir, "a.log");
  using log = AppendLog.open(path, WRITE);
  lengths.forEach((length, i) => log.append(pattern(length, i)));
  if (commit) log.commit({ durability: "disk" });
  return path;
}

function change(path: string, byteOffset: number, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(byteOffset, Deno.SeekMode.Start);
  file.writeSync(bytes);
}

function recordsOf(log: Iterable<LogEntry>): Uint8Array[] {
  return [...log].map(({ record }) => record.slice());
}

/** What a reader and then a writer find; the writer's record comes where the log ended. */
function assertEndsAfter(path: string, count: number): void {
  const expected = Array.from({ length: count }, (_, i) => pattern(100, i));
  {
    using reader = AppendLog.open(path);
    assertEquals(recordsOf(reader), expected);
  }
  {
    using log = AppendLog.open(path, { access: "read-write" });
    assertEquals(recordsOf(log), expected);
    log.append(pattern(50));
  }
  using reader = AppendLog.open(path);
  assertEquals(recordsOf(reader), [...expected, pattern(50)]);
}

const FRAMED = 8 + 104;
const ends: [string, (path: string) => void][] = [
  ["is cut off in its bytes", (path) => Deno.truncateSync(path, HEADER + 3 * FRAMED - 7)],
  ["is cut off in its frame", (path) => Deno.truncateSync(path, HEADER + 2 * FRAMED + 5)],
  ["is zeros", (path) => change(path, HEADER + 2 * FRAMED, new Uint8Array(FRAMED))],
  ["has another byte", (path) => change(path, HEADER + 2 * FRAMED + 60, pattern(1, 3))],
  [
    "has a length past the end",
    (path) => change(path, HEADER + 2 * FRAMED, new Uint8Array([255, 255, 255, 127])),
  ],
  [
    "has a negative length",
    (path) => change(path, HEADER + 2 * FRAMED, new Uint8Array([0, 0, 0, 255])),
  ],
];
for (const [state, tear] of ends) {
  for (const committed of [false, true]) {
    const when = committed ? ", although it was committed" : "";
    Deno.test(`AppendLog.open() cuts a last record off that ${state}${when}`, async () => {
      await withTempDir((dir) => {
        const path = logOf(dir, [100, 100, 100], committed);
        tear(path);
        assertEndsAfter(path, 2);
      });
    });
  }
}

Deno.test("AppendLog.open() cuts all off behind a torn record that was never committed", async () => {
  await withTempDir((dir) => {
    const path = logOf(dir, [100, 100, 100, 100]);
    change(path, HEADER + FRAMED + 20, new Uint8Array(30));
    assertEndsAfter(path, 1);
  });
});

Deno.test("AppendLog.open() keeps what follows a committed record that is damaged", async () => {
  await withTempDir((dir) => {
    const path = logOf(dir, [100, 100, 100, 100], true);
    change(path, HEADER + FRAMED + 20, new Uint8Array(30));
    using log = AppendLog.open(path, WRITE);
    assertEquals(log.byteLength, 4 * FRAMED);
    assertThrows(() => log.read(FRAMED), Deno.errors.InvalidData, "damaged");
    assertThrows(() => recordsOf(log), Deno.errors.InvalidData, `position ${FRAMED}`);
    assertEquals(recordsOf(log.entries({ from: 2 * FRAMED })), [pattern(100, 2), pattern(100, 3)]);
  });
});

Deno.test("AppendLog.open() cuts off a torn end of a log that is too long to be looked through", async () => {
  await withTempDir((dir) => {
    const lengths = Array.from({ length: 80 }, () => 100_000);
    const path = logOf(dir, lengths);
    const { size } = Deno.statSync(path);
    change(path, size - 8, new Uint8Array([1, 2, 3]));
    using log = AppendLog.open(path, WRITE);
    assertEquals([...log].length, 79);
    // Even where the words that spare the looking through are wrong.
    log.close();
    change(path, 192, pattern(24));
    using again = AppendLog.open(path, WRITE);
    assertEquals([...again].length, 79);
  });
});

Deno.test(
  "AppendLog of a file that is truncated under it throws and does not crash",
  guard,
  async () => {
    await withTempDir((dir) => {
      const path = join(dir, "a.log");
      using log = AppendLog.open(path, WRITE);
      for (let i = 0; i < 1000; i++) log.append(pattern(100, i));
      using reader = AppendLog.open(path);
      truncate(path, HEADER);
      assertThrows(() => reader.read(500 * FRAMED), MappingFaultError);
      assertThrows(() => recordsOf(log), MappingFaultError);
      assertThrows(() => log.commit(), MappingFaultError);
    });
  },
);

Deno.test("AppendLog never crashes, hangs or reads outside, whatever bytes its file has", async () => {
  await withTempDir((dir) => {
    const path = logOf(dir, [100, 0, 5000, 1, 300, 100], true);
    const whole = Deno.readFileSync(path);
    const next = random(7);
    let opened = 0;
    for (let i = 0; i < 300; i++) {
      const bytes = whole.slice();
      // Mostly of the header's words, which lead to all else.
      for (let k = next() % 6; k >= 0; k--) {
        const at = next() % 3 === 0
          ? next() % bytes.length
          : next() % 2 === 0
          ? next() % 256
          : 4096 + next() % 40;
        bytes[at] = next() % 4 === 0 ? 255 : next();
      }
      Deno.writeFileSync(path, bytes);
      for (const options of [{}, { access: "read-write" } as const]) {
        try {
          using log = AppendLog.open(path, options);
          opened++;
          for (const { record } of log) assert(record.length <= bytes.length);
          for (let position = 0; position < log.byteLength && position < 10_000; position += 8) {
            try {
              log.read(position);
            } catch (error) {
              assert(error instanceof Deno.errors.InvalidData, String(error));
            }
          }
          if (log.access === "read-write") log.append(pattern(30));
        } catch (error) {
          assert(error instanceof Deno.errors.InvalidData, String(error));
        }
      }
    }
    assert(opened > 100, `${opened}`);
  });
});
