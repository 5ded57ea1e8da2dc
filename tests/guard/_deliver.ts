/** The guard's handler, called as the kernel of this system calls it. */

import { threadsOfProcess } from "../../ffi/darwin.ts";
import { libc } from "../../ffi/libc.ts";
import { threadId } from "../../ffi/thread.ts";
import { system } from "../../src/os/mod.ts";

/** A signal, and what the kernel found when it came to that. */
export interface Delivery {
  /** The number that Linux or macOS has for it. */
  readonly signal: number;
  /** `si_code`. */
  readonly code: number;
  readonly address: bigint;
  /** What the processor says of the exception on macOS: by default that of a write to missing memory. */
  readonly exception?: Exception;
  /** Where the thread was. */
  readonly pc?: bigint;
}

/** On macOS. */
export type Exception = "write" | "read" | "fetch" | "system call";

const isDarwin = system().name === "darwin";

/** The signal of a page that its object cannot give: SIGBUS with BUS_ADRERR. */
export const MISSING = isDarwin ? { signal: 10, code: 2 } : { signal: 7, code: 2 };

/** The trap and the error code of x86-64, or the class of arm64's syndrome and its bit for writes. */
const X86: Record<Exception, [trap: number, error: number]> = {
  write: [14, 6],
  read: [14, 4],
  fetch: [14, 0x14],
  "system call": [0x85, 0],
};
const ARM: Record<Exception, number> = {
  write: 0x24 << 26 | 1 << 6,
  read: 0x24 << 26,
  fetch: 0x20 << 26,
  "system call": 0x15 << 26,
};

/** The address of the handler that is installed for a signal. */
export function handlerOf(signal: number): bigint {
  const action = new Uint8Array(152);
  if (libc().sigaction(signal, null, action) !== 0) throw new Error("sigaction");
  return new BigUint64Array(action.buffer)[0]!;
}

/** The number of another thread of this process, as the guard has it. */
export function otherThread(): number {
  const numbers = isDarwin
    ? Array.from(threadsOfProcess(Deno.pid)!, (number) => Number(number & 0xffffffffn))
    : Array.from(Deno.readDirSync("/proc/self/task"), ({ name }) => Number(name));
  return numbers.find((number) => number !== threadId())!;
}

/** A function that calls the guard's handler. */
export function handlerCaller(): (delivery: Delivery) => void {
  const handler = new Deno.UnsafeFnPointer(
    Deno.UnsafePointer.create(handlerOf(MISSING.signal))!,
    { parameters: ["i32", "buffer", "buffer"], result: "void" },
  );
  const frame = isDarwin ? darwinFrame : linuxFrame;
  return (delivery) => {
    const { info, context, kept } = frame(delivery);
    handler.call(delivery.signal, info, context);
    // What the context leads to must live until now.
    if (kept.byteLength === 0) throw new Error("no state");
  };
}

interface Frame {
  readonly info: Uint8Array<ArrayBuffer>;
  readonly context: Uint8Array<ArrayBuffer>;
  readonly kept: ArrayBuffer;
}

function linuxFrame({ signal, code, address }: Delivery): Frame {
  const info = new Uint8Array(128); // siginfo_t
  new Int32Array(info.buffer).set([signal, 0, code]);
  new BigUint64Array(info.buffer)[2] = address;
  const context = new Uint8Array(1024); // a ucontext_t of zeros
  return { info, context, kept: context.buffer };
}

/** siginfo_t of 104 bytes, ucontext_t of 56 and mcontext64, which it points to. */
function darwinFrame({ signal, code, address, exception = "write", pc = 0n }: Delivery): Frame {
  const info = new DataView(new ArrayBuffer(104));
  info.setInt32(0, signal, true);
  info.setInt32(8, code, true);
  info.setBigUint64(24, address, true);
  const state = new DataView(new ArrayBuffer(1024));
  if (Deno.build.arch === "x86_64") {
    const [trap, error] = X86[exception];
    state.setUint16(0, trap, true);
    state.setUint32(4, error, true);
    state.setBigUint64(8, address, true);
    state.setBigUint64(144, pc, true);
  } else {
    state.setBigUint64(0, address, true);
    state.setUint32(8, ARM[exception], true);
    state.setBigUint64(272, pc, true);
  }
  const context = new BigUint64Array(7);
  const bytes = new Uint8Array(state.buffer);
  context[6] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  return {
    info: new Uint8Array(info.buffer),
    context: new Uint8Array(context.buffer),
    kept: state.buffer,
  };
}
