/**
 * Operations of Deno that use a region's bytes for a while: slow peers, other threads. Whatever
 * becomes of the region meanwhile, they must see what was lent, and nothing else.
 */

import { createHash, pbkdf2, pbkdf2Sync } from "node:crypto";
import { makeFifo } from "../../_fifo.ts";
import { type MappingModel, pieces } from "../mapping_model.ts";
import { expect } from "../mismatch.ts";
import { CAPACITY, PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { spanTouchable } from "../regions.ts";
import type { Live, World } from "../world.ts";
import { closeRegion } from "./close.ts";
import { resizeTo } from "./size.ts";

/** Each may take two threads of the pool. */
const MOST_LOANS = 4;

/** Bytes that were lent, and what they were. Holds neither the region nor its buffer. */
interface Lent {
  readonly main: MappingModel;
  /** Where it begins in the mapping. */
  readonly start: number;
  readonly byteLength: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** 1: nobody knows what that byte was. */
  readonly unknown: Uint8Array<ArrayBuffer>;
  readonly changes: number;
}

/** Lends a part of a region, with what the model says that it holds. */
function lend(live: Live, at: number, byteLength: number): Lent {
  const { main } = live;
  const start = live.lead + at;
  const bytes = new Uint8Array(byteLength);
  const unknown = new Uint8Array(byteLength).fill(1);
  for (const { page, from, to, at: done } of pieces(start, byteLength)) {
    const expected = main.expected(page);
    if (expected === undefined) continue;
    const part = expected.bytes.subarray(from, to); // shorter at the object's end
    bytes.set(part, done);
    unknown.fill(0, done, done + part.length);
    if (expected.unknown) unknown.set(expected.unknown.subarray(from, to), done);
  }
  return { main, start, byteLength, bytes, unknown, changes: changesOf(main) };
}

function changesOf({ changes, spec: { object } }: MappingModel): number {
  return changes + object.changes;
}

/** Whether nobody has written to it, taken pages away or forbidden them. */
function isUntouched({ main, changes }: Lent): boolean {
  return changesOf(main) === changes;
}

function expectLent({ bytes, unknown }: Lent, got: Uint8Array): void {
  expect(got.length === bytes.length, `${got.length} of ${bytes.length} lent bytes came`);
  const at = got.findIndex((byte, i) => byte !== bytes[i] && unknown[i] === 0);
  expect(at === -1, `lent byte ${at} came as ${got[at]}, and was ${bytes[at]}`);
}

/** A part of an open region that can be used without a fault, and its view. */
function pickLoan(
  world: World,
  write: boolean,
  guarded = false,
): { live: Live; lent: Lent; view: Uint8Array<ArrayBuffer> } | undefined {
  const live = world.pickOpen(({ stolen, main, guard }) =>
    stolen === undefined && !main.uncertain && main.hammered === 0 && (guard || !guarded)
  );
  if (live === undefined) return undefined;
  const at = world.random.once(3) ? 0 : world.random.int(0, live.byteLength - 1);
  const room = live.byteLength - at;
  const byteLength = world.random.once(2) ? room : world.random.size(room);
  if (!spanTouchable(live, live.main, at, byteLength, write)) return undefined;
  world.note(`region ${live.id} ${at} ${byteLength}`);
  const view = live.region.bytes.subarray(at, at + byteLength);
  return { live, lent: lend(live, at, byteLength), view };
}

/** Missing and forbidden pages are errors: undefined. */
function settle(call: Promise<number | null>): Promise<number | null | undefined> {
  return call.catch(() => undefined);
}

/** A pipe in the sequence's own directory, with both of its ends. */
function makePipe(world: World): { near: Deno.FsFile; far: Deno.FsFile } {
  const path = `${world.directories[0]}/fifo-${world.nextId()}`;
  makeFifo(path);
  // For both, so that opening does not wait for the other end.
  return {
    near: Deno.openSync(path, { read: true, write: true }),
    far: Deno.openSync(path, { read: true, write: true }),
  };
}

const pipeWrite: Operation = {
  name: "lend: write to a slow pipe",
  covers: [],
  weight: 2,
  run(world): void {
    if (world.loans.length >= MOST_LOANS) return;
    const loan = pickLoan(world, false);
    if (loan === undefined) return;
    const { near, far } = makePipe(world);
    const written = settle(near.write(loan.view));
    const { lent } = loan;
    world.loans.push(() => endPipeWrite(lent, written, near, far));
  },
};

async function endPipeWrite(
  lent: Lent,
  written: Promise<number | null | undefined>,
  near: Deno.FsFile,
  far: Deno.FsFile,
): Promise<void> {
  const got = new Uint8Array(CAPACITY);
  let [count, wanted] = [0, Infinity];
  // One more byte behind the end, so that no read waits for ever.
  const over = written.then(async (value) => {
    wanted = value ?? 0;
    await near.write(new Uint8Array(1));
  });
  while (count <= wanted) count += (await far.read(got.subarray(count)))!;
  await over;
  near.close();
  far.close();
  if (!isUntouched(lent)) return;
  expect(await written === lent.byteLength, "a write of lent bytes failed");
  expectLent(lent, got.subarray(0, count - 1));
}

const pipeRead: Operation = {
  name: "lend: read from a slow pipe",
  covers: [],
  weight: 2,
  run(world): void {
    if (world.loans.length >= MOST_LOANS) return;
    const loan = pickLoan(world, true);
    if (loan === undefined) return;
    const { near, far } = makePipe(world);
    const read = settle(near.read(loan.view));
    const source = world.random.bytes(world.random.int(1, 2 * PAGE));
    const { lent } = loan;
    const view = new WeakRef(loan.view);
    world.loans.push(() => endPipeRead(lent, view, source, { read, near, far }));
  },
};

async function endPipeRead(
  lent: Lent,
  view: WeakRef<Uint8Array>,
  source: Uint8Array<ArrayBuffer>,
  { read, near, far }: {
    read: Promise<number | null | undefined>;
    near: Deno.FsFile;
    far: Deno.FsFile;
  },
): Promise<void> {
  far.writeSync(source);
  const done = await read;
  near.close();
  far.close();
  const { main, start, byteLength } = lent;
  const count = Math.min(source.length, byteLength);
  const untouched = isUntouched(lent);
  if (untouched) expect(done === count, `a read of lent bytes came to ${done}`);
  const open = view.deref()?.byteLength === byteLength;
  if (open && untouched) main.write(start, source.subarray(0, count));
  else forget(lent, count);
}

/** What was written to memory that has changed, or whose region has ended, may be anywhere in it. */
function forget({ main, start }: Lent, byteLength: number): void {
  const { object, copies, fileOffset } = main.spec;
  if (!copies) object.forget(fileOffset + start, fileOffset + start + byteLength);
  main.forgetPages(Math.floor(start / PAGE), Math.ceil((start + byteLength) / PAGE));
}

const socketWrite: Operation = {
  name: "lend: write to a slow socket",
  covers: [],
  weight: 1,
  async run(world): Promise<void> {
    if (world.loans.length >= MOST_LOANS) return;
    const path = `${world.directories[0]}/socket-${world.nextId()}`;
    const listener = Deno.listen({ transport: "unix", path });
    const connecting = Deno.connect({ transport: "unix", path });
    const peer = await listener.accept();
    const writer = (await connecting).writable.getWriter();
    listener.close();
    const loan = pickLoan(world, false);
    const written = writer.write(loan?.view ?? new Uint8Array(1)).then(() => true, () => false);
    const lent = loan?.lent;
    world.loans.push(() => endSocketWrite(lent, writer, written, peer));
  },
};

async function endSocketWrite(
  lent: Lent | undefined,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  written: Promise<boolean>,
  peer: Deno.Conn,
): Promise<void> {
  const untouched = lent !== undefined && isUntouched(lent);
  if (untouched) {
    const got = new Uint8Array(lent.byteLength);
    for (let count = 0; count < got.length;) {
      const read = await peer.read(got.subarray(count));
      expect(read !== null, "a socket ended before all lent bytes came");
      count += read;
    }
    expect(await written, "a write of lent bytes failed");
    expectLent(lent, got);
  }
  peer.close(); // a write that was cut short by missing pages would wait for ever
  await written;
  await writer.close().catch(() => {});
}

const end: Operation = {
  name: "lend: the peer goes on",
  covers: [],
  weight: 3,
  async run(world): Promise<void> {
    const loan = world.random.pickAny(world.loans);
    if (loan === undefined) return;
    world.loans.splice(world.loans.indexOf(loan), 1);
    await loan();
  },
};

const symbols = {
  memcmp: { parameters: ["buffer", "buffer", "usize"], result: "i32", nonblocking: true },
} as const;

/** Never closed: it is the process's own. */
let libc: Deno.DynamicLibrary<typeof symbols> | undefined;

/** Work of other threads in user space, and what it has to come to. */
const WORK: readonly ((view: Uint8Array<ArrayBuffer>, lent: Lent) => Promise<boolean>)[] = [
  async (view, { bytes }) => {
    const digest = await crypto.subtle.digest("SHA-256", view);
    return `${new Uint8Array(digest)}` ===
      `${new Uint8Array(createHash("sha256").update(bytes).digest())}`;
  },
  (view, { bytes }) =>
    new Promise((resolve, reject) => {
      pbkdf2(view, "salt", 50, 32, "sha256", (error, key) => {
        if (error) reject(error);
        else resolve(key.equals(pbkdf2Sync(bytes, "salt", 50, 32, "sha256")));
      });
    }),
  async (view, { bytes }) => {
    libc ??= Deno.dlopen("libc.so.6", symbols);
    return await libc.symbols.memcmp(view, bytes, BigInt(bytes.length)) === 0;
  },
];

/** Nothing else happens meanwhile, since other threads' faults are nothing that can be predicted. */
const work: Operation = {
  name: "lend: to another thread, and end the region",
  covers: [],
  weight: 2,
  async run(world): Promise<void> {
    const { random } = world;
    const loan = pickLoan(world, false, true);
    if (loan === undefined || loan.lent.unknown.includes(1)) return;
    const { live, lent, view } = loan;
    const index = random.int(0, WORK.length - 1);
    const working = WORK[index]!(view, lent);
    const what = random.int(0, 2);
    world.note(`work ${index}, ${["close", "grow", "nothing"][what]}`);
    // Views that nobody can take away are left zeros.
    if (what === 0 && !live.pinned) closeRegion(world, live);
    const longer = live.byteLength + random.int(1, 3 * PAGE);
    const fits = live.byteOffset + longer < CAPACITY - PAGE;
    // It heals first: the other thread meets pages of the object where it was lent others.
    if (what === 1 && fits && !live.main.cutOff) resizeTo(world, live, longer);
    expect(await working, `work ${index} on lent bytes came to something else`);
  },
};

export const LEND: readonly Operation[] = [pipeWrite, pipeRead, socketWrite, end, work];
