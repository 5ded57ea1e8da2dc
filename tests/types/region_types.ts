/**
 * What the compiler must accept and refuse: `deno check` is the test, and nothing here is ever run.
 * An `@ts-expect-error` without an error is one itself.
 */

import {
  type AnonymousOptions,
  type ByteRange,
  isSystemError,
  MmapRegion,
  type OpenRegionOptions,
  type RegionHandle,
} from "@mmap/mmap";
import { mmap, munmap, open } from "@mmap/mmap/libc";

/** Exactly the same type, in both directions. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false;

/** Compiles only for `true`. */
function holds<_T extends true>(): void {}

declare const region: MmapRegion;

/** Lines are text or bytes, as asked for. */
export function lines(): void {
  const texts: Iterable<string> = region.lines({ reverse: true });
  const bytes: Iterable<Uint8Array<ArrayBuffer>> = region.lines({ as: "bytes" });
  const lengths: number[] = region.lines().map((line) => line.length).toArray();
  const order: -1 | 0 | 1 = region.compare(new Uint8Array(1));
  const parts: Required<ByteRange>[] = region.split(2, 10);
  // @ts-expect-error: bytes only if they were asked for
  const wrong: Iterable<Uint8Array> = region.lines();
  // @ts-expect-error: no other form
  region.lines({ as: "string" });
  void [texts, bytes, lengths, order, parts, wrong];
}

/** Views have the type of their constructor. */
export function views(): void {
  const floats: Float64Array = region.view(Float64Array);
  const words: BigInt64Array = region.view(BigInt64Array, 8, 2);
  const bytes: Uint8Array<ArrayBuffer> = region.bytes;
  const buffer: ArrayBuffer = region.buffer;
  const data: DataView<ArrayBuffer> = region.dataView(1, 2);
  // @ts-expect-error: another type than the constructor's
  const wrong: Int8Array = region.view(Uint8Array);
  // @ts-expect-error: no typed array
  region.view(Array);
  // @ts-expect-error: a DataView has no elements
  region.view(DataView);
  // @ts-expect-error: an instance instead of a constructor
  region.view(new Uint8Array(1));
  // @ts-expect-error: the buffer is the region's own
  region.buffer = new ArrayBuffer(1);
  // @ts-expect-error: so is its length
  region.byteLength = 1;
  void [floats, words, bytes, buffer, data, wrong];
}

/** Options are a closed list. */
export function options(): void {
  MmapRegion.open(new URL("file:///x"), { access: "read-write", byteOffset: 1, create: true });
  MmapRegion.open("x", { address: 4096n, flags: 0, mode: 0o600 });
  // @ts-expect-error: C's spelling
  MmapRegion.open("x", { access: "rw" });
  // @ts-expect-error: no such option
  MmapRegion.open("x", { length: 1 });
  // @ts-expect-error: lengths are numbers
  MmapRegion.open("x", { byteLength: 1n });
  // @ts-expect-error: addresses are bigints
  MmapRegion.open("x", { address: 4096 });
  // @ts-expect-error: a path is needed
  MmapRegion.open();
  // @ts-expect-error: a descriptor makes no file
  MmapRegion.fromFd(3, { create: true });
  // @ts-expect-error: a descriptor is a number
  MmapRegion.fromFd("3");
  // @ts-expect-error: a length is needed
  MmapRegion.anonymous();
  // @ts-expect-error: memory has no access but its own
  MmapRegion.anonymous(1, { access: "read" });
  MmapRegion.anonymous(1, { seal: "write", sharing: "shared", label: "x" });
  // @ts-expect-error: there is one seal
  MmapRegion.anonymous(1, { seal: "shrink" });
  // @ts-expect-error: to attach makes no file
  MmapRegion.attach("mmap:", { truncate: true });
  // @ts-expect-error: options that are absent are left out
  MmapRegion.open("x", { byteLength: undefined } satisfies OpenRegionOptions);
  void ({ sharing: "private" } satisfies AnonymousOptions);
}

/** What methods take and give. */
export function methods(): void {
  const range: ByteRange = { byteOffset: 1, byteLength: 2 };
  holds<Same<ReturnType<MmapRegion["flush"]>, Promise<void>>>();
  holds<Same<ReturnType<MmapRegion["flushSync"]>, void>>();
  holds<Same<MmapRegion["kind"], "file" | "anonymous" | "named">>();
  holds<Same<MmapRegion["access"], "read" | "read-write" | "copy-on-write">>();
  holds<Same<ReturnType<MmapRegion["residency"]>["map"], Uint8Array<ArrayBuffer>>>();
  region.flushSync({ ...range, durability: "disk" });
  // @ts-expect-error: no such durability
  region.flushSync({ durability: "tape" });
  // @ts-expect-error: a range is an object
  region.discard(0, 10);
  region.advise("dont-need", range);
  // @ts-expect-error: C's spelling
  region.advise("MADV_DONTNEED");
  // @ts-expect-error: nothing can be written without being read
  region.protect("write");
  // @ts-expect-error: a length is needed
  region.resize();
  // @ts-expect-error: bytes and nothing else
  region.tryRead(new Uint16Array(1), 0);
  const handle: RegionHandle = region.handle();
  // @ts-expect-error: a handle is what it is
  handle.fd = 4;
  const environment: Record<string, string> = region.env("X");
  void environment;
}

/** Regions come from the static methods alone, and end with their block. */
export function lifetimes(): void {
  using scoped = MmapRegion.anonymous(1);
  const disposable: Disposable = scoped;
  // @ts-expect-error: the constructor is private
  new MmapRegion();
  void disposable;
}

/** A guard narrows to what C tells. */
export function errors(error: unknown): string {
  // @ts-expect-error: anything may have been thrown
  const unknown = error.code;
  if (isSystemError(error)) {
    const errno: number = error.errno;
    return `${error.code} ${errno} ${error.syscall} ${error.message}`;
  }
  return String(unknown);
}

/** C's calls take C's arguments. */
export function raw(): void {
  const address: Deno.PointerObject = mmap(null, 4096n, 0, 0, -1, 0);
  const zero: 0 = munmap(address, 4096);
  const fd: number = open("x", 0);
  // @ts-expect-error: addresses are pointers
  munmap(4096, 4096);
  // @ts-expect-error: a path is a string
  open(new URL("file:///x"), 0);
  void [zero, fd];
}
