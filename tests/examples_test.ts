/** Runs every example, with the permissions that its comment names, and checks what it prints. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { Program, type ProgramOptions, run as runExample } from "../examples/demo/programs.ts";
import { countWords, sliceEnds } from "../examples/demo/words.ts";
import { linux } from "./_capabilities.ts";
import { KILLED } from "./_child.ts";
import { withTempDir } from "./_files.ts";
import { compileC, hasProgram, needsC, programIn, textOfC } from "./_gcc.ts";

const IS_WINDOWS = Deno.build.os === "windows";

const EXAMPLES = fromFileUrl(new URL("../examples/", import.meta.url));

const PATIENCE = Number(Deno.env.get("MMAP_TEST_PATIENCE") ?? 1);

function run(name: string, options?: ProgramOptions): Promise<string[]> {
  return runExample(name, { timeoutMs: 60_000 * PATIENCE, ...options });
}

Deno.test("raw_mmap.ts calls mmap and munmap with each of their parameters", async () => {
  const lines = await run("raw_mmap.ts");
  assertEquals(lines[0], "anonymous: first byte 0");
  assertMatch(lines[1]!, /^hint: taken (exactly|elsewhere)$/);
  assertEquals(lines[2], "fixed: same address true, byte 0");
  assertMatch(lines[3]!, /^file: wrote 42 at offset \d+, the other mapping reads 42$/);
  assertEquals(lines.slice(4), ["unmapped 4 mappings"]);
});

Deno.test("four_kinds.ts shows what each kind does to its file", async () => {
  assertEquals(await run("four_kinds.ts"), [
    'file, private:      region "scribble", file "original"',
    'file, shared:       region "modified", file "modified"',
    'anonymous, private: zero-filled true, now "scratch!"',
    'anonymous, shared:  the other mapping reads "for both"',
  ]);
});

Deno.test("visibility.ts shows who sees a private and who a shared write", async () => {
  assertEquals(await run("visibility.ts"), [
    'private mapping wrote "private"',
    '  another process sees "nothing"',
    '  read() of the file gives "nothing"',
    'shared mapping wrote "SHARED!"',
    '  another process sees "SHARED!"',
    '  read() of the file gives "SHARED!"',
    'the private mapping still has "private"',
  ]);
});

const PEOPLE = ["Ann 31", "Bo 7", "Emma 102"];

Deno.test("struct_reader.ts reads what struct_writer.ts wrote", async () => {
  await withTempDir(async (dir) => {
    const args = [join(dir, "people.bin")];
    assertEquals(await run("struct_writer.ts", { args }), ["wrote 3 records, 24 bytes"]);
    assertEquals(await run("struct_reader.ts", { args }), PEOPLE);
  });
});

/** Compiles a program of examples/c. @returns its path */
async function compileExample(name: string, dir: string): Promise<string> {
  const program = programIn(dir, name);
  const source = await Deno.readTextFile(join(EXAMPLES, "c", `${name}.c`));
  const headers = ["-I", join(EXAMPLES, "c"), "-I", join(EXAMPLES, "../languages/c")];
  await compileC(source, { args: ["-Wall", "-Werror", ...headers, "-o", program] });
  return program;
}

/** Compiles a program of examples/c and runs it. @returns the lines that it printed */
async function runC(name: string, dir: string, arg: string): Promise<string[]> {
  const program = await compileExample(name, dir);
  const { success, stdout } = await new Deno.Command(program, { args: [arg] }).output();
  assert(success);
  return textOfC(stdout).trimEnd().split("\n");
}

Deno.test("person_reader.c reads what struct_writer.ts wrote", needsC, async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "people.bin");
    await run("struct_writer.ts", { args: [path] });
    assertEquals(await runC("person_reader", dir, path), PEOPLE);
  });
});

Deno.test("struct_reader.ts reads what person_writer.c wrote", needsC, async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "people.bin");
    assertEquals(await runC("person_writer", dir, path), ["wrote 2 records"]);
    assertEquals(await run("struct_reader.ts", { args: [path] }), ["Cleo 58", "Dan -1"]);
  });
});

Deno.test("structs.ts shows layouts, records, columns and atomic fields", async () => {
  assertEquals(await run("structs.ts"), [
    "56 bytes, offsets 0 10 16 32 48",
    "Santa Fé: crew 40, x 1.5, cargo 10,25,30",
    "visits 2",
    "crews 40 1 2 3 4, last 4",
    "RangeError: Cannot store text as it must fit 10 bytes: received 20",
    "packet 011f90",
    "  double x;  double y;",
  ]);
});

Deno.test("parent_child_file.ts sees what its child wrote", async () => {
  assertEquals(await run("parent_child_file.ts"), [
    "parent created a file of 4096 bytes",
    'parent sees "I am child"',
  ]);
});

Deno.test("hello_world_reader.ts sees both words of a writer that it does not know", async () => {
  await withTempDir(async (dir) => {
    const args = [join(dir, "hello_world.bin")];
    await using writer = new Program("hello_world_writer.ts", { args });
    assertEquals(await writer.linesUntil("writing"), ["writing"]);
    await using reader = new Program("hello_world_reader.ts", { args });
    // Back and forth: whatever the writer began with, each word was seen after the other.
    const lines = [
      ...await reader.linesUntil("Hello"),
      ...await reader.linesUntil("World"),
      ...await reader.linesUntil("Hello"),
    ];
    assertEquals(lines.filter((line) => line !== "Hello" && line !== "World"), []);
    // Both go on for ever: it is the signal that ends them.
    const signal = IS_WINDOWS ? null : "SIGTERM";
    assertEquals((await reader.stopped("SIGTERM")).signal, signal);
    assertEquals((await writer.stopped("SIGTERM")).signal, signal);
  });
});

Deno.test("parent_child_anonymous.ts and its child read each other's numbers", async () => {
  assertEquals(await run("parent_child_anonymous.ts"), [
    "parent wrote 1 2 3",
    "child read 1 2 3 and wrote their sum",
    "parent reads the sum 6",
  ]);
});

Deno.test("dynamic_size.ts grows and shrinks a file and memory", async () => {
  assertEquals(await run("dynamic_size.ts"), [
    "created: region 10 bytes, file 10 bytes",
    "grown: region 1000000 bytes, file 1000000 bytes",
    "byte 9 is still 9, byte 10 is 0",
    "a view from before has 0 bytes",
    "shrunk: region 10 bytes, file 10 bytes",
    "memory grew to 1048576 bytes, byte 0 is still 1",
    "memory shrank to 4096 bytes",
  ]);
});

Deno.test("threads_and_processes.ts loses no addition", async () => {
  assertEquals(await run("threads_and_processes.ts"), [
    "2 threads and 2 processes counted to 400000",
  ]);
});

const TIMEOUTS = [0, 4000, 8000, 12000, 16000].map((i) => `request ${i}: timeout`);

Deno.test("search_log.ts finds the lines of a log in parallel", async () => {
  assertEquals(await run("search_log.ts"), [
    ...TIMEOUTS,
    '"timeout" stands 5 times in 20000 lines',
  ]);
});

Deno.test("search_log.ts searches the file that it is given", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "log");
    await Deno.writeTextFile(path, "an apple\r\na pear\nno apple, an apple");
    assertEquals(await run("search_log.ts", { args: [path, "apple"] }), [
      "an apple",
      "no apple, an apple",
      '"apple" stands 3 times in 2 lines',
    ]);
  });
});

Deno.test("zero_copy.ts moves nothing by read() and write()", async () => {
  assertEquals(await run("zero_copy.ts"), [
    "sorted 16000000 bytes in place: 1 ... 2000000",
    "moved by read() and write(): less than 64 KiB: true",
    "a view is no copy: true",
  ]);
});

Deno.test("life_of_the_data.ts finds the file's data alive and the memory's gone", async () => {
  assertEquals(await run("life_of_the_data.ts"), [
    'after munmap the file has "alive"',
    "one user of the memory left: it reads 42",
    "no user left: Cannot attach to region: process N has closed its descriptor N" +
    (IS_WINDOWS ? ", or that is another file now" : ""),
  ]);
});

/** Takes root's right to lock everything away, and leaves 64 KiB. */
const LITTLE_LOCKING = [
  ...Deno.uid() === 0 ? ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"] : [],
  ...["/bin/sh", "-c", 'ulimit -l 64 && exec "$0" "$@"'],
];

Deno.test("errors.ts names the error, the call and the class of each failure", async () => {
  const lines = await run("errors.ts", { through: LITTLE_LOCKING });
  assertEquals(lines.map((line) => line.split(/\. |: Cannot/)[0]), [
    "no such descriptor: EBADF from mmap (Error)",
    "writable, opened read-only: EACCES from mmap (PermissionDenied)",
    "opened write-only: EACCES from mmap (PermissionDenied)",
    "length 0: EINVAL from mmap (TypeError)",
    "offset 1000: EINVAL from mmap (TypeError)",
    "neither shared nor private: EINVAL from mmap (TypeError)",
    "region of length 0: RangeError",
    "region at offset 1000: no error here",
    "16 MiB locked: EAGAIN from mmap (WouldBlock)",
    "no address space: ENOMEM from mmap (Error)",
  ]);
});

Deno.test("munmap_address.ts fails with a moved address, and a region cannot", async () => {
  assertEquals(await run("munmap_address.ts"), [
    "munmap(address + 1): EINVAL, and the memory stays mapped",
    "munmap(address): done",
    "region.close(): done, the moved view has 0 bytes left",
    "region.close() again: silent",
  ]);
});

Deno.test("new_files.ts cannot map an empty file, and creates files with a size", async () => {
  const [empty, ...others] = await run("new_files.ts");
  assertMatch(empty!, /^empty file: Cannot map 'new\.bin' as it is empty: .*byteLength.*create/);
  assertEquals(others, [
    "create: region 100 bytes, file 100 bytes",
    "create again: byte 99 is 1, byte 100 is 0",
    "createNew: AlreadyExists, the file still has 200 bytes",
  ]);
});

Deno.test("beyond_the_file.ts opens no region beyond its file, and survives truncation", async () => {
  const lines = await run("beyond_the_file.ts");
  assertEquals(lines[0], "the region ends with the file: 5000 bytes");
  assertMatch(lines[1]!, /^100000 bytes: RangeError .*must lie within its 5000 bytes/);
  assertMatch(lines[2]!, /^one byte more: RangeError .*must lie within 5000 bytes/);
  assertEquals(lines.slice(3), [
    "raw mmap: byte 4999 is 1, byte 5000 is 0",
    "after writing both: the file has 5000 bytes, the last one is 2",
    "after truncation: byte 0 reads 0, 1 fault absorbed",
    "check(): Cannot trust the map of 'data.bin': 1 fault absorbed, the first at byte 0; " +
    "repair() maps the true object again",
  ]);
});

Deno.test("blocking.ts reads the message once the event is set", async () => {
  assertEquals(await run("blocking.ts"), [
    "a read does not wait: the message has 0 bytes",
    "Atomics.wait does not work on mapped memory",
    'waited for the event, then read "the data are here"',
  ]);
});

Deno.test("shared_counter.ts goes on when a process was killed with the mutex", async () => {
  assertEquals(await run("shared_counter.ts"), [
    "one process stopped half-way: locked true, 1001 and 1000",
    `it was killed: ${KILLED.signal}`,
    "the other process died: 1001 and 1000, repaired",
    "both counters: 2001 and 2001, owner died false",
  ]);
});

Deno.test("crash_proof_log.ts finds every record that a killed writer has appended", async () => {
  assertEquals(await run("crash_proof_log.ts"), [
    "the writer says: 1000 records are in the log",
    `it was killed: ${KILLED.signal}`,
    "at least 1000 records: true, in order and whole: true",
    "appended: the next writer was here",
  ]);
});

Deno.test("two_servers.ts makes a page once for both", async () => {
  assertEquals(await run("two_servers.ts"), [
    "2 servers gave the page 4 times, and made it 1 time",
  ]);
});

Deno.test("shared_cache.ts works each value out once", async () => {
  assertEquals(await run("shared_cache.ts"), [
    "first process:  worked out 20, found 0",
    "second process: worked out 0, found 20",
    "third process:  worked out 1, found 19",
    "three at once:  worked out 20",
    "here: 20 values, square of 12 is 144",
  ]);
});

Deno.test("event_between_processes.ts asks and is answered without looking", async () => {
  assertEquals(await run("event_between_processes.ts"), [
    "asked 6, answered 36",
    "asked 7, answered 49",
    "asked 0, answered 0",
    "the event loop went on: true",
    "the child ended: true",
  ]);
});

Deno.test("posix_shared_memory.ts is found by its name until its owner closes it", async () => {
  assertEquals(await run("posix_shared_memory.ts"), [
    "listed: 4096 bytes, owner alive true",
    'shm_open in another process finds "hello by name"',
    "after close nobody finds it",
  ]);
});

Deno.test("dev_zero.ts gets zeroed memory that is nobody else's", async () => {
  assertEquals(await run("dev_zero.ts"), [
    "1048576 bytes, all zero: true",
    "wrote 42; another mapping of /dev/zero has its own memory: 0",
  ]);
});

Deno.test("the demo counts the same number of words each way and shows every row", async () => {
  const lines = await run("demo/main.ts", { args: ["--size=1"] });
  assertEquals(lines.filter((line) => line === "All three counts are equal.").length, 1);
  const rows = lines.slice(lines.findIndex((line) => line.startsWith("What a map can do")) + 1);
  assertEquals(rows.length, IS_WINDOWS ? 20 : 28);
  assertEquals(rows.filter((line) => line.includes("FAILED")), []);
});

Deno.test("the demo counts the words of a file that it is given", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "text.txt");
    await Deno.writeTextFile(path, "  eins zwei\tdrei\nvier, fünf\r\n\n東京  ".repeat(1000));
    const lines = await run("demo/main.ts", { args: [path, "--no-rows"] });
    const counts = lines.filter((line) => line.includes(" ms") === false && /\d/.test(line));
    assertEquals(counts.map((line) => line.split(/ {2,}/)[3]), ["6000", "6000", "6000"]);
  });
});

Deno.test("sliceEnds() cuts no word, however many slices there are", () => {
  const bytes = new TextEncoder().encode(" a bb ccc dddd  eeeee\nffffff 東京 ");
  for (let parts = 1; parts <= bytes.length + 1; parts++) {
    const ends = sliceEnds(bytes, parts);
    const counts = ends.map((end, i) => countWords(bytes.subarray(ends[i - 1] ?? 0, end)));
    assertEquals(counts.reduce((sum, count) => sum + count), 7, `${parts} slices`);
    assertEquals(ends.at(-1), bytes.length);
  }
});

Deno.test("live_feed.ts tells what each reader got and lost of all prices", async () => {
  const lines = (await run("live_feed.ts")).sort();
  assertEquals(lines.length, 2);
  for (const [i, pace] of ["quick", "slow"].entries()) {
    const found = lines[i]!.match(/^the (\w+) reader got (\d+) prices and lost (\d+) /)!;
    assertEquals([found[1], Number(found[2]) + Number(found[3])], [pace, 2000]);
  }
});

Deno.test("rpc.ts lets its child call the methods of an object", async () => {
  assertEquals(await run("rpc.ts"), [
    '"c" has 2000 bytes',
    'NotFound: Cannot get value: no key "d"',
    "the parent took too long",
    "the parent has 3 values",
  ]);
});

Deno.test("channel.ts gets its child's answers as messages", async () => {
  assertEquals(await run("channel.ts"), [
    "the child sent 3 messages:",
    "  1 squared is 1",
    "  2 squared is 4",
    "  3 squared is 9",
  ]);
});

Deno.test(
  "channel_c_peer.ts gets its messages back from a C program, in capitals",
  needsC,
  () =>
    withTempDir(async (dir) => {
      const args = [await compileExample("channel_peer", dir)];
      assertEquals(await run("channel_c_peer.ts", { args }), [
        "FROM DENO",
        "TO C",
        "AND BACK",
        "the C program ended with 0",
      ]);
    }),
);

for (const program of ["model.py", "model_asyncio.py"]) {
  Deno.test(`model_server.ts gets results of ${program}`, {
    ignore: linux.ignore || !hasProgram("python3"),
  }, async () => {
    assertEquals(await run("model_server.ts", { args: [program] }), [
      ...[0, 10, 20, 30, 40].map((number) => `picture ${number}: ${number}`),
      "the model ended with 0",
    ]);
  });
}

Deno.test("python_records.ts shares a record and numbers with Python", {
  ignore: linux.ignore || !hasProgram("python3"),
}, async () => {
  assertEquals(await run("python_records.ts"), [
    "Python sees Anna, now 42",
    "Deno sees Anna, 42, and 4",
  ]);
});

Deno.test("fan_out.ts gets each part of the work from one of four workers", async () => {
  assertEquals(await run("fan_out.ts"), [
    "40 parts went to 4 workers",
    "there are 2262 primes below 20000",
  ]);
});

Deno.test("stream_file.ts passes all bytes of a file on in order", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "empty");
    await Deno.writeFile(path, new Uint8Array());
    assertEquals(await run("stream_file.ts"), [
      "the child received 16777216 bytes",
      "they are the file's: true",
    ]);
    assertEquals(await run("stream_file.ts", { args: [path] }), [
      "the child received 0 bytes",
      "they are the file's: true",
    ]);
  });
});
