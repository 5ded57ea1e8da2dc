/** Pages that a process loses: programs that lose them, and what other processes do to their files. */

import { assertEquals, assertRejects } from "@std/assert";
import { MappingFaultError } from "@mmap/mmap";
import { fromFileUrl } from "@std/path";
import { membersOf } from "./_documentation.ts";
import { guard } from "./_capabilities.ts";
import { FILE_SYSTEMS, withTempDir } from "./_files.ts";
import { SMALL_DISKS, type SmallDisk } from "./_mount.ts";
import { PAGE } from "./_pages.ts";
import { assertRuns } from "./_program.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

function output(command: string, ...args: string[]): string {
  const { code, signal, stdout, stderr } = new Deno.Command(command, { args }).outputSync();
  const text = new TextDecoder();
  assertEquals({ code, signal }, { code: 0, signal: null }, text.decode(stderr));
  return text.decode(stdout).trim();
}

/** Another process gives a file another length. */
export { truncate, truncateMeanwhile } from "./_fault_child.ts";

/** Puts the end of a file back as it was, with the names of who held what. */
export function restore(path: string, before: Uint8Array, from: number): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(from, Deno.SeekMode.Start);
  file.writeSync(before.subarray(from));
}

/** Runs a program as another process to its end. @returns what it printed */
export function runPeer(program: string, ...args: string[]): string {
  const options = ["run", "-A", "--quiet", "--no-check", `--config=${ROOT}deno.json`];
  return output(Deno.execPath(), ...options, fromFileUrl(program), ...args);
}

/** Registers the cases of a program, each once on each file system. */
export function testLosses(program: string, topic: string, names: readonly string[]): void {
  for (const name of names) {
    for (const [where, parent] of Object.entries(FILE_SYSTEMS)) {
      Deno.test({
        name: `${topic}: ${name} (${where})`,
        ignore: guard.ignore,
        fn: () =>
          withTempDir(async (dir) => {
            await assertRuns(new URL(program), { args: [name, dir] });
          }, parent),
      });
    }
  }
}

/** Registers a case of a program for every small disk that can do what it needs. */
export function testFullDisks(
  program: string,
  topic: string,
  name: string,
  except: readonly string[] = [],
): void {
  for (const disk of SMALL_DISKS) {
    if (!except.includes(disk.name)) testFullDisk(disk, program, topic, name);
  }
}

function testFullDisk(disk: SmallDisk, program: string, topic: string, name: string): void {
  const missing = disk.missing === undefined ? "" : `: ${disk.missing}`;
  Deno.test({
    name: `${topic}: ${name} (${disk.name}${missing})`,
    ignore: guard.ignore || disk.missing !== undefined,
    fn: () =>
      disk.with(async (dir) => {
        await assertRuns(new URL(program), { args: [name, dir] });
      }),
  });
}

/** Calls by what they are: a member, and maybe more words behind a comma or a space. */
type Calls = Readonly<Record<string, unknown>>;

/**
 * Registers the comparison of tables of calls with the documentation: no new member of a class is
 * forgotten.
 *
 * @param tables the calls of each class
 * @param others members that look at no memory, and classes that have cases of their own
 */
export function testTables(
  entry: string,
  tables: Readonly<Record<string, Calls>>,
  others: readonly string[],
): void {
  Deno.test(`the tables of calls on lost pages have every member of ${entry}`, async () => {
    const named = Object.entries(tables).flatMap(([kind, calls]) =>
      Object.keys(calls).map((call) => `${kind}.${/^[^ ,]+/.exec(call)![0]}`)
    );
    const members = (await membersOf(entry))
      .filter((call) => !/^(\w+)\.(.+)$/.exec(call)!.some((part) => others.includes(part)));
    assertEquals([...new Set(named)].sort(), members.sort());
  });
}

/** A call in a mapping of `path` that must find out that a page was lost. */
export async function assertLost(path: string, what: string, call: () => unknown): Promise<void> {
  const error = await assertRejects(async () => await call(), MappingFaultError, path, what);
  assertEquals(error.path, path);
}

/** What `make` makes of a new file. */
export function fresh<T>(path: string, make: () => T): T {
  Deno.writeFileSync(path, new Uint8Array());
  return make();
}

/** Reads a byte of each page, so that all are lost that can be. */
export function touch({ bytes }: { readonly bytes: Uint8Array }): void {
  // Atomically, or the compiler might find out that nobody wants the byte.
  for (let at = 0; at < bytes.length; at += PAGE) Atomics.load(bytes, at);
}
