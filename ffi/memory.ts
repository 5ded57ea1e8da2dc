/**
 * From addresses to ArrayBuffers and back: the only user of `Deno.UnsafePointerView.getArrayBuffer`,
 * and the only place that takes a buffer from its holders.
 */

// Captured at load: a program that changes the prototypes later cannot keep a buffer alive.
const transfer = ArrayBuffer.prototype.transfer;
const apply = Reflect.apply;
const BufferBytes = Uint8Array;
const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const getBuffer = getter("buffer");
const getByteOffset = getter("byteOffset");
const getLength = getter("length");
const getTag = getter(Symbol.toStringTag);

function getter(name: PropertyKey): () => unknown {
  return Object.getOwnPropertyDescriptor(typedArray, name)!.get!;
}

/** A range of mapped addresses, as `mmap` returned it. */
export interface Range {
  readonly pointer: Deno.PointerObject;
  readonly byteLength: number;
}

/**
 * One ArrayBuffer over mapped memory.
 *
 * SAFETY: V8 does not own these bytes and never frees them. The caller keeps [pointer, pointer +
 * byteLength) mapped until {@linkcode detach} said that it took the buffer from every view, and
 * keeps it mapped for ever (as zero pages) if it said that it could not.
 */
export function bufferOver(range: Range): ArrayBuffer {
  return Deno.UnsafePointerView.getArrayBuffer(range.pointer, range.byteLength);
}

const getDetached = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "detached")!.get!;

/** Whether the buffer is detached. */
export function isDetached(buffer: ArrayBuffer): boolean {
  return apply(getDetached, buffer, []) as boolean;
}

/**
 * Detaches a buffer, so that every view of it has length 0.
 *
 * @param buffer a buffer of at least one byte, made by {@linkcode bufferOver}
 * @returns whether no view of the memory is left. False if the buffer was transferred before: the
 * memory then has views that this function cannot reach
 */
export function detach(buffer: ArrayBuffer): boolean {
  let probe: Uint8Array;
  try {
    probe = new BufferBytes(buffer, 0, 1);
  } catch {
    return false; // detached before: a constructor refuses a detached buffer
  }
  try {
    apply(transfer, buffer, [0]);
  } catch {
    return false; // made undetachable, as `markAsUntransferable` of node:worker_threads does
  }
  // `in` on a typed array touches no memory and runs no code that a program could have replaced.
  return !(0 in probe);
}

/** The address `byteOffset` bytes into a range. */
export function pointerAt(pointer: Deno.PointerObject, byteOffset: number): Deno.PointerObject {
  return byteOffset === 0 ? pointer : Deno.UnsafePointer.offset(pointer, byteOffset)!;
}

/** The address as a number for arithmetic. */
export function addressOf(pointer: Deno.PointerValue): bigint {
  return Deno.UnsafePointer.value(pointer);
}

/** The pointer for an address; null for 0. */
export function pointerFrom(address: bigint): Deno.PointerValue {
  return address === 0n ? null : Deno.UnsafePointer.create(address);
}

/**
 * The address of a typed array's first byte. It holds as long as its buffer is neither collected
 * nor detached: {@linkcode withAddressOf} keeps it for that long.
 */
export function addressOfBytes(bytes: Uint8Array): bigint {
  // V8 keeps short arrays on its heap, where they move, until their buffer is asked for.
  apply(getBuffer, bytes, []);
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>));
}

/** What is in use by its address alone. */
let kept: Uint8Array | undefined;

/**
 * Calls `use` with the address of a typed array's first byte, and keeps the bytes until it returns. An
 * address keeps nothing, and the engine collects an array after its last use, also in the middle of a function.
 */
export function withAddressOf<T>(bytes: Uint8Array, use: (address: bigint) => T): T {
  const outer = kept;
  kept = bytes;
  try {
    return use(addressOfBytes(bytes));
  } finally {
    kept = outer;
  }
}

/**
 * A plain Uint8Array over the bytes that a caller gave. Of a subclass, or an array with a `length`
 * of its own, only the engine's own record is trusted.
 *
 * @throws {TypeError} If it is not a Uint8Array.
 */
export function plainBytes(bytes: Uint8Array, name: string, action: string): Uint8Array {
  if (typeof bytes !== "object" || apply(getTag, bytes, []) !== "Uint8Array") {
    throw new TypeError(`Cannot ${action} as ${name} must be a Uint8Array`);
  }
  return headOf(bytes, untouchedLengthOf(bytes));
}

/**
 * The true length in bytes, even if a program has replaced `length`. Touches the first byte, so it is
 * for arrays that are about to be read or written to: see {@linkcode untouchedLengthOf}.
 */
export function lengthOf(bytes: Uint8Array): number {
  // This runs no code of the program, and tells the compiler what the array is. So it needs no call
  // for the getter: 3 ns instead of 12.
  void bytes[0];
  return untouchedLengthOf(bytes);
}

/** As {@linkcode lengthOf}, where the array's own page may be missing and must not be faulted in. */
export function untouchedLengthOf(bytes: Uint8Array): number {
  return apply(getLength, bytes, []) as number;
}

/** The first bytes, at most `limit` of them. */
export function headOf(bytes: Uint8Array, limit: number): Uint8Array {
  const length = untouchedLengthOf(bytes);
  return new BufferBytes(
    apply(getBuffer, bytes, []) as ArrayBuffer,
    apply(getByteOffset, bytes, []) as number,
    length < limit ? length : limit,
  );
}
