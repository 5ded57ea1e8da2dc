/**
 * Faults in memory, with a handler that was installed by the twin's `sigaction`.
 * Arguments: the twin's library, that of `_recorder.c`, and a folder.
 */

import { loadCalls, MAP_ANON, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PAGE, text } from "./_calls.ts";

const [library, recorder, dir] = Deno.args.map((arg) => JSON.parse(arg)) as [
  string,
  string,
  string,
];

const calls = loadCalls(library);
const { symbols } = Deno.dlopen(recorder, {
  prepare: { parameters: ["u64", "pointer"], result: "void" },
  tell: { parameters: ["buffer"], result: "void" },
  touch: { parameters: ["u64"], result: "void" },
  address_of_handle: { parameters: [], result: "u64" },
  address_of_skip: { parameters: [], result: "u64" },
  address_of_touch: { parameters: [], result: "u64" },
});

const [SIGBUS, SIGSEGV, SA_SIGINFO] = [10, 11, 0x40];
const mmapAddress = Deno.dlopen(library, {
  dlsym: { name: "darwin_dlsym", parameters: ["i64", "buffer"], result: "pointer" },
}).symbols.dlsym(-2n, text("mmap"));

function install(handler: bigint): void {
  const action = new DataView(new ArrayBuffer(16));
  action.setBigUint64(0, handler, true);
  action.setInt32(12, SA_SIGINFO, true);
  for (const signal of [SIGBUS, SIGSEGV]) {
    if (calls.sigaction(signal, new Uint8Array(action.buffer), null) !== 0) {
      throw new Error("refused");
    }
  }
}

function handlerOf(signal: number): bigint {
  const action = new BigUint64Array(2);
  calls.sigaction(signal, null, new Uint8Array(action.buffer));
  return action[0]!;
}

/** What the handler wrote down of the last signal, as numbers from `from` on and yes and no. */
function told(from: bigint, pc = 0n): unknown {
  const record = new DataView(new ArrayBuffer(48));
  symbols.tell(new Uint8Array(record.buffer));
  const [signal, code, pid] = [0, 4, 8].map((at) => record.getInt32(at, true));
  const [address, stopped, fault] = [16, 24, 32].map((at) => record.getBigUint64(at, true));
  return {
    signal,
    code,
    pid,
    at: Number(address! - from),
    isSameInState: fault === address,
    isWhereItWas: pc === 0n || stopped === pc,
    trap: record.getUint32(40, true),
    isWrite: (record.getUint32(44, true) & 0x42) !== 0,
  };
}

const anonymous = (protection: number): bigint =>
  calls.mmap(0n, BigInt(PAGE), protection, MAP_PRIVATE | MAP_ANON, -1, 0n);

const bytesAt = (address: bigint): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, PAGE));

const results: Record<string, unknown> = {};
const before = [handlerOf(SIGBUS), handlerOf(SIGSEGV)];
install(symbols.address_of_handle());
results["installed"] = [
  before.every((handler) => handler !== 0n),
  handlerOf(SIGBUS),
  handlerOf(SIGSEGV),
]
  .map((value) => typeof value === "bigint" ? value === symbols.address_of_handle() : value);

const readOnly = anonymous(1);
symbols.prepare(readOnly, mmapAddress);
bytesAt(readOnly)[5] = 1;
results["a forbidden write"] = told(readOnly);

const missing = anonymous(3);
calls.munmap(missing, BigInt(PAGE));
symbols.prepare(missing, mmapAddress);
symbols.touch(missing + 7n);
results["a read where nothing is"] = told(missing, symbols.address_of_touch());

const path = `${dir}/truncated`;
Deno.writeFileSync(path, new Uint8Array(PAGE));
const file = calls.mmap(0n, BigInt(PAGE), 3, MAP_SHARED, calls.open(text(path), 2, 0), 0n);
Deno.truncateSync(path, 0);
symbols.prepare(file, mmapAddress);
symbols.touch(file + 9n);
results["a read of a truncated file"] = told(file);

symbols.prepare(0n, mmapAddress);
calls.raise(SIGSEGV);
results["a signal that was sent"] = told(file);

install(symbols.address_of_skip());
const inaccessible = calls.mmap(
  missing,
  BigInt(PAGE),
  0,
  MAP_PRIVATE | MAP_ANON | MAP_FIXED,
  -1,
  0n,
);
symbols.touch(inaccessible);
results["an instruction that is left out"] = told(inaccessible, symbols.address_of_touch());
console.log(JSON.stringify(results));
