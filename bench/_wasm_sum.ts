/** A loop in WebAssembly, for memories of either kind. */

/**
 * The sum of the 64-bit integers in [at, end) of a memory:
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
 *         (local.get $sum)))
 */
export function instantiateSum(
  memory: WebAssembly.Memory,
  shared: boolean,
): (at: number, end: number) => bigint {
  const module = new WebAssembly.Module(Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7e], // the type of sum
    ...[2, 18, 1, 3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79], // env.memory
    ...[2, shared ? 3 : 1, 0, 0x80, 0x80, 4],
    ...[3, 2, 1, 0, 7, 7, 1, 3, 0x73, 0x75, 0x6d, 0, 0], // sum is exported
    ...[10, 33, 1, 31, 1, 1, 0x7e, 3, 0x40], // one local; the loop
    ...[0x20, 2, 0x20, 0, 0x29, 3, 0, 0x7c, 0x21, 2],
    ...[0x20, 0, 0x41, 8, 0x6a, 0x22, 0, 0x20, 1, 0x49, 0x0d, 0],
    ...[0x0b, 0x20, 2, 0x0b],
  ]));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports.sum as (at: number, end: number) => bigint;
}
