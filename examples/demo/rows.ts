/**
 * The abilities of a map, one line each: runs the other examples and picks a line of their output.
 */

import { temporaryDirectory } from "../temporary.ts";
import { Program, run } from "./programs.ts";

/** One ability, and how to show it. */
export interface Row {
  name: string;
  /** Whether it shows what Windows does not have: POSIX's own calls and devices. */
  posix?: boolean;
  /**
   * @returns one line of the output @throws {Error} If the example fails or prints no such line.
   */
  see(): Promise<string>;
}

/** As {@linkcode row}, of what Windows does not have. */
function posixRow(name: string, file: string, picked: RegExp): Row {
  return { ...row(name, file, picked), posix: true };
}

/** A row from the output of one program. */
function row(name: string, file: string, picked: RegExp): Row {
  return { name, see: async () => pick(await run(file), picked) };
}

function pick(lines: string[], picked: RegExp): string {
  const line = lines.find((line) => picked.test(line));
  if (line === undefined) throw new Error(`no line with ${picked} in:\n${lines.join("\n")}`);
  return line;
}

const ALL_ROWS: readonly Row[] = [
  posixRow("the call", "raw_mmap.ts", /^file: wrote 42 .* reads 42$/),
  row("four kinds", "four_kinds.ts", /^file, private: .*"scribble", file "original"$/),
  row("visibility", "visibility.ts", /another process sees "SHARED!"/),
  { name: "write/read pair", see: writeAndRead },
  row("parent and child over a file", "parent_child_file.ts", /parent sees "I am child"/),
  { name: "unrelated processes", see: helloWorld },
  row("parent and child, anonymous", "parent_child_anonymous.ts", /parent reads the sum 6/),
  row("dynamic size", "dynamic_size.ts", /^grown: region 1000000 bytes, file 1000000 bytes$/),
  row("threads and processes", "threads_and_processes.ts", /counted to 400000$/),
  row("zero copy", "zero_copy.ts", /^sorted .*: 1 \.\.\. 2000000$/),
  row("life of the data", "life_of_the_data.ts", /^after munmap the file has "alive"$/),
  posixRow("errors", "errors.ts", /EACCES from mmap/),
  posixRow("munmap's address", "munmap_address.ts", /^munmap\(address \+ 1\): EINVAL/),
  row("new files", "new_files.ts", /^create: region 100 bytes, file 100 bytes$/),
  posixRow(
    "beyond the file",
    "beyond_the_file.ts",
    /^after truncation: byte 0 reads 0, 1 fault absorbed$/,
  ),
  row("blocking", "blocking.ts", /then read "the data are here"$/),
  posixRow("POSIX shared memory", "posix_shared_memory.ts", /finds "hello by name"$/),
  posixRow("/dev/zero", "dev_zero.ts", /has its own memory: 0$/),
  row("C's structs", "structs.ts", /^56 bytes, offsets 0 10 16 32 48$/),
  row("search, in parallel", "search_log.ts", /stands 5 times in 20000 lines$/),
  row(
    "a lock whose holder is killed",
    "shared_counter.ts",
    /^the other process died: .* repaired$/,
  ),
  row("events", "event_between_processes.ts", /^asked 7, answered 49$/),
  row("messages", "channel.ts", /3 squared is 9$/),
  row("a live feed", "live_feed.ts", /^the slow reader got/),
  row("calls", "rpc.ts", /^"c" has 2000 bytes$/),
  row("a log whose writer is killed", "crash_proof_log.ts", /in order and whole: true$/),
  posixRow("a cache of two servers", "two_servers.ts", /^2 servers .* made it 1 time$/),
  { name: "a model in Python", posix: true, see: modelInPython },
];

/** Every row that must work. */
export const ROWS: readonly Row[] = ALL_ROWS.filter(({ posix }) =>
  posix !== true || Deno.build.os !== "windows"
);

async function writeAndRead(): Promise<string> {
  using dir = temporaryDirectory();
  const args = [dir.file("people.bin")];
  await run("struct_writer.ts", { args });
  const lines = await run("struct_reader.ts", { args });
  pick(lines, /^Emma 102$/);
  return `the reader sees ${lines.join(", ")}`;
}

async function modelInPython(): Promise<string> {
  try {
    await new Deno.Command("python3", { args: ["--version"], stdout: "null" }).output();
  } catch {
    return "it needs python3, which is not there";
  }
  return `it answers "${pick(await run("model_server.ts"), /^picture 40: 40$/)}"`;
}

async function helloWorld(): Promise<string> {
  using dir = temporaryDirectory();
  const args = [dir.file("hello_world.bin")];
  await using writer = new Program("hello_world_writer.ts", { args });
  await writer.linesUntil("writing");
  await using reader = new Program("hello_world_reader.ts", { args });
  const lines = [...await reader.linesUntil("Hello"), ...await reader.linesUntil("World")];
  return `the reader sees ${lines.slice(-2).join(", ")}`;
}
