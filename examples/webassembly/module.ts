/**
 * A WebAssembly module, byte by byte. As text, for memories with 32-bit addresses:
 *
 *     (module
 *       (import "env" "memory" (memory 0 65536 shared))
 *       (func (export "sum") (param $at i32) (param $end i32) (result i64)
 *         (local $sum i64)
 *         (loop
 *           (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $at))))
 *           (br_if 0 (i32.lt_u
 *             (local.tee $at (i32.add (local.get $at) (i32.const 8)))
 *             (local.get $end))))
 *         (local.get $sum))
 *       (func (export "store") (param $at i32) (param $value i64)
 *         (i64.store (local.get $at) (local.get $value))))
 */

/** Which memory the module imports. */
export interface MemoryKind {
  /** @default {true} */
  shared?: boolean;
  /** Whether its addresses have 64 bits: for more than 4 GiB.  @default {false} */
  address64?: boolean;
}

/** What the module exports; `At` is bigint for 64-bit addresses. */
export interface Exports<At = number> {
  /** The sum of the 64-bit integers in [at, end). */
  readonly sum: (at: At, end: At) => bigint;
  readonly store: (at: At, value: bigint) => void;
}

/** Starts the module on a memory. */
export function instantiate<At = number>(
  memory: WebAssembly.Memory,
  kind: MemoryKind = {},
): Exports<At> {
  const module = new WebAssembly.Module(moduleBytes(kind));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports as unknown as Exports<At>;
}

const I64 = 0x7e;
const END = 0x0b;

function moduleBytes({ shared = true, address64 = false }: MemoryKind): Uint8Array<ArrayBuffer> {
  const at = address64 ? I64 : 0x7f;
  const [constant, add, lessThan] = address64 ? [0x42, 0x7c, 0x54] : [0x41, 0x6a, 0x49];
  const limits = [0x01 | (shared ? 0x02 : 0) | (address64 ? 0x04 : 0), 0];
  const maximum = address64 ? [0x80, 0x80, 0x10] : [0x80, 0x80, 0x04]; // 262144 and 65536 pages
  const types = [0x60, 2, at, at, 1, I64, 0x60, 2, at, I64, 0];
  const sum = [
    ...[1, 1, I64, 0x03, 0x40], // a local, and the loop
    ...[0x20, 2, 0x20, 0, 0x29, 3, 0, 0x7c, 0x21, 2], // $sum
    ...[0x20, 0, constant!, 8, add!, 0x22, 0, 0x20, 1, lessThan!, 0x0d, 0], // $at
    ...[END, 0x20, 2, END],
  ];
  const store = [0, 0x20, 0, 0x20, 1, 0x37, 3, 0, END];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, ...types]),
    ...section(2, [1, ...name("env"), ...name("memory"), 0x02, ...limits, ...maximum]),
    ...section(3, [2, 0, 1]),
    ...section(7, [2, ...name("sum"), 0, 0, ...name("store"), 0, 1]),
    ...section(10, [2, sum.length, ...sum, store.length, ...store]),
  ]);
}

function section(id: number, content: number[]): number[] {
  return [id, content.length, ...content];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}
