/**
 * Asks a real Windows what Wine cannot tell: `deno run -A tools/windows_probe.ts [FOLDER]`. The folder is
 * where files are made, such as one on a nearly full disk or a network drive. Each line is a fact that
 * the module builds upon, and what it is here; docs/platforms.md has the questions.
 */

import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import { isSystemError } from "@mmap/mmap";
import { lastError, newStruct, wide, windows } from "../ffi/windows/library.ts";
import { system } from "../src/os/mod.ts";
import { close } from "../src/os/windows/files.ts";
import {
  clientOf,
  createPipe,
  disconnect,
  ENDED,
  isConnected,
  openPipe,
  pipeNameOf,
  readMessage,
  writeMessage,
} from "../src/os/windows/pipes.ts";

const FOLDER = Deno.args[0] === "peer" ? "." : Deno.args[0] ?? Deno.makeTempDirSync();
const PAGE = 4096;

/** Prints what a question was answered with, and whether that is what the module expects. */
function ask(question: string, answer: () => unknown, expected?: unknown): void {
  let told: unknown;
  try {
    told = answer();
  } catch (error) {
    told = isSystemError(error) ? `${error.syscall}: ${error.errno}` : String(error);
  }
  const verdict = expected === undefined ? "    " : told === expected ? "ok  " : "DIFF";
  console.log(`${verdict} ${question}: ${told}${verdict === "DIFF" ? `, not ${expected}` : ""}`);
}

function newFile(name: string, byteLength: number): string {
  const path = `${FOLDER}\\mmap-probe-${name}`;
  Deno.writeFileSync(path, new Uint8Array(byteLength).fill(1));
  return path;
}

/** The error of a call that fails, beside garbage of its own. */
function errorsThatAreWrong(): number {
  const { OpenMutexW } = windows();
  const name = wide("Local\\mmap.no.such.mutex");
  const garbage: unknown[] = [];
  let wrong = 0;
  for (let i = 0; i < 100_000; i++) {
    garbage[i % 100] = new Array(1000).fill(i);
    OpenMutexW(0x100000, 0, name);
    if (lastError[0] !== 2) wrong++;
  }
  return wrong;
}

/** A view of a file's last page, and one behind it after the file has grown. */
function tailOfFile(): string {
  const path = newFile("tail", PAGE + 1);
  using region = MmapRegion.open(path, { access: "read-write", reserve: 4 * PAGE });
  region.resize(3 * PAGE);
  region.bytes[3 * PAGE - 1] = 2;
  region.resize(2 * PAGE);
  return [region.bytes[0], region.bytes[PAGE], region.bytes[2 * PAGE - 1]].join();
}

function privateThatComesAndGoes(): string {
  using region = MmapRegion.anonymous(8 * PAGE, { sharing: "private" });
  region.bytes.fill(3);
  for (const pages of [3, 9, 1, 30]) region.resize(pages * PAGE);
  return [region.bytes[0], region.bytes[PAGE - 1], region.bytes[PAGE]].join();
}

function committedElsewhere(): number {
  using one = MmapRegion.anonymous(PAGE);
  using other = MmapRegion.attach(one.handle());
  one.resize(50 * PAGE);
  one.bytes[50 * PAGE - 1] = 4;
  other.refresh();
  return other.bytes[50 * PAGE - 1]!;
}

/** What becomes of a file under its map. */
function underTheMap(change: (path: string) => void): string {
  const path = newFile("under", PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  try {
    change(path);
    return `works, and the map reads ${region.bytes[0]}`;
  } catch (error) {
    return String(error);
  }
}

function moreThanTheDisk(): string {
  const path = newFile("large", 1);
  const options = { access: "read-write", create: true, byteLength: 2 ** 46 } as const;
  try {
    MmapRegion.open(path, options).close();
    return "works";
  } finally {
    console.log(`     its size is then ${Deno.statSync(path).size}`);
  }
}

/** Where a new file comes to be that is made by a link to nothing, and whose path is asked for then. */
function throughDanglingLink(): string {
  const [link, target] = [`${FOLDER}\\mmap-probe-link`, `${FOLDER}\\mmap-probe-target`];
  Deno.symlinkSync(target, link, { type: "file" });
  const entry = system().objects.pathOfEntry(link);
  MmapRegion.open(link, { access: "read-write", create: true, byteLength: 1 }).close();
  return `asks for ${entry}, makes ${Deno.statSync(target).size} byte of its target`;
}

function globalMutex(): number {
  const { CloseHandle, CreateMutexW } = windows();
  const handle = CreateMutexW(null, 1, wide("Global\\mmap.probe"));
  const error = handle === 0 ? lastError[0]! : 0;
  if (handle !== 0) CloseHandle(BigInt(handle));
  return error;
}

/** Microseconds for a wake-up there and one back. */
async function roundTrip(): Promise<number> {
  using region = MmapRegion.anonymous(PAGE);
  const [there, back] = [new Futex(region, 0), new Futex(region, 64)];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, "peer"],
    env: region.env(),
  }).spawn();
  back.waitSync(0, { timeoutMs: 60_000 });
  const times = 5000;
  const start = performance.now();
  for (let i = 1; i <= times; i++) {
    there.store(i);
    there.wake();
    while (back.load() === i) back.waitSync(i);
  }
  const each = (performance.now() - start) * 1000 / times;
  there.store(-1);
  there.wake();
  await child.status;
  return Math.round(each);
}

const LONG_MESSAGE = 2 ** 19;

/** A message in a pipe that its maker closes before anybody reads it, and the pipe's name after that. */
function messageLeftBehind(): string {
  const path = `${FOLDER}\\mmap-probe-pipe`;
  const pipe = createPipe(path, LONG_MESSAGE);
  const client = openPipe(pipeNameOf(path)!)!;
  const seen = [isConnected(pipe), clientOf(pipe) === Deno.pid];
  seen.push(writeMessage(pipe, new Uint8Array(LONG_MESSAGE)));
  close(pipe);
  const message = readMessage(client, newStruct(LONG_MESSAGE)) as Uint8Array;
  close(client);
  close(createPipe(path, 1));
  return [...seen, message.length].join();
}

/** A pipe's name once its maker has dropped who is connected, and closed it. */
function nameOfDropped(): boolean {
  const path = `${FOLDER}\\mmap-probe-pipe`;
  const pipe = createPipe(path, 1);
  const client = openPipe(pipeNameOf(path)!)!;
  disconnect(pipe);
  close(pipe);
  close(createPipe(path, 1));
  const isOver = readMessage(client, newStruct(1)) === ENDED;
  close(client);
  return isOver;
}

/** The other side of it. */
function answer(): void {
  using region = MmapRegion.fromEnv();
  const [there, back] = [new Futex(region, 0), new Futex(region, 64)];
  for (let seen = 0; seen !== -1;) {
    back.store(seen + 1);
    back.wake();
    while (there.load() === seen) there.waitSync(seen);
    seen = there.load();
  }
}

async function main(): Promise<void> {
  console.log(`Deno ${Deno.version.deno} on ${Deno.build.target}, Windows ${Deno.osRelease()}`);
  ask("1. wrong errors of 100,000", errorsThatAreWrong, 0);
  ask("2. the last page of a file, cut and grown", tailOfFile, "1,1,0");
  ask("2. private memory that shrinks and grows", privateThatComesAndGoes, "3,3,0");
  ask("3. memory that was committed elsewhere", committedElsewhere, 4);
  ask("4. more than a disk has", moreThanTheDisk);
  ask("5. a mapped file is removed", () => underTheMap((path) => Deno.removeSync(path)));
  const rename = (path: string): void => Deno.renameSync(path, `${path}.moved`);
  ask("5. a mapped file is renamed", () => underTheMap(rename));
  const cut = (path: string): void => Deno.truncateSync(path, 1);
  ask("5. a mapped file is cut", () => underTheMap(cut));
  ask("6. a link to nothing", throughDanglingLink);
  ask("7. a mutex for the whole machine", globalMutex, 0);
  const microseconds = await roundTrip();
  ask("8. microseconds to a process and back", () => microseconds);
  ask("9. a long message in a pipe", messageLeftBehind, `true,true,true,${LONG_MESSAGE}`);
  ask("9. a pipe whose client is dropped", nameOfDropped, true);
  for (const { name } of Deno.readDirSync(FOLDER)) {
    if (name.startsWith("mmap-probe-")) Deno.removeSync(`${FOLDER}\\${name}`);
  }
}

if (Deno.args[0] === "peer") answer();
else await main();
