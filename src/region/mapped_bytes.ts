/** The part of a region that is about its bytes: views, copies, and the end of them all. */

import { headOf, plainBytes, pointerAt } from "../../ffi/memory.ts";
import { copyFromMapped, copyToMapped } from "../mapping/copy.ts";
import { optionalNumber, wholeNumber } from "../mapping/pages.ts";
import {
  dataViewOf,
  readViewRequest,
  type TypedArrayConstructor,
  viewOf,
} from "../mapping/views.ts";
import type { Access } from "../object/handle.ts";
import { RegionCore } from "./core.ts";

/** The core of a region, for the rest of this module; users cannot reach it. */
export let coreOf: (bytes: MappedBytes) => RegionCore;

/**
 * Mapped bytes: views and copies of them. {@linkcode MmapRegion} is the class to use; this
 * one only holds the members that are about bytes alone.
 *
 * Offsets are in bytes and count from the beginning of the region. After `close`, every member but
 * `access`, `sharing`, `closed` and `byteLength` throws `Deno.errors.BadResource`.
 */
export abstract class MappedBytes implements Disposable {
  readonly #core: RegionCore;

  static {
    coreOf = (bytes) => bytes.#core;
  }

  /** Regions are made by the static methods of {@linkcode MmapRegion}. */
  protected constructor(core: RegionCore) {
    if (!(core instanceof RegionCore)) throw new TypeError("Illegal constructor");
    this.#core = core;
  }

  /** What may be done with the memory. */
  get access(): Access {
    return this.#core.facts.access;
  }

  /** Whether writes are seen by whoever else maps the object (`MAP_SHARED`) or by nobody. */
  get sharing(): "shared" | "private" {
    return this.#core.facts.sharing;
  }

  /** The length of the region, in bytes; 0 once it is closed. */
  get byteLength(): number {
    return this.#core.byteLength;
  }

  /** Whether the region was closed. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /**
   * The one buffer of the mapping. It begins at a page boundary: where the region's `byteOffset` is
   * no multiple of the page size, some bytes before the region; see `bytes.byteOffset`.
   *
   * It is detached when the region is closed or resized.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get buffer(): ArrayBuffer {
    return this.#core.live("view region").buffer;
  }

  /**
   * The whole region; the same object at each call until the region is resized.
   *
   * @throws {TypeError} If the buffer was transferred away.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#core.bytes();
  }

  /**
   * A typed array over a part of the region.
   *
   * @param type the constructor, such as `Float64Array`
   * @param byteOffset where it begins, default 0
   * @param length in elements, by default as many whole ones as there is room for
   * @throws {RangeError} If it reaches beyond the region, or begins at an address that the element
   * size does not divide.
   * @throws {TypeError} If `type` is no typed array's constructor, or the buffer was transferred away.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  view<T>(type: TypedArrayConstructor<T>, byteOffset?: number, length?: number): T {
    const request = readViewRequest(type, byteOffset, length);
    return viewOf(type, request, this.#core.window("view region"));
  }

  /**
   * A DataView over a part of the region: any offset, either byte order.
   *
   * @param byteOffset where it begins, default 0
   * @param byteLength by default to the end of the region
   * @throws {RangeError} If it reaches beyond the region.
   * @throws {TypeError} If the buffer was transferred away.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  dataView(byteOffset?: number, byteLength?: number): DataView<ArrayBuffer> {
    const offset = optionalNumber(byteOffset, "byteOffset", "view region") ?? 0;
    const length = optionalNumber(byteLength, "byteLength", "view region");
    return dataViewOf(offset, length, this.#core.window("view region"));
  }

  /**
   * Copies out of the region without ever faulting (`process_vm_readv`).
   *
   * @param target how much to copy and where to
   * @param byteOffset where in the region to begin
   * @returns how many bytes were copied: fewer than asked for at the end of the region, or at a page
   * that is not there
   * @throws {TypeError} If `target` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` lies beyond the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  tryRead(target: Uint8Array, byteOffset: number): number {
    const at = wholeNumber(byteOffset, "byteOffset", "read region");
    const bytes = plainBytes(target, "target", "read region");
    return this.#copy(copyFromMapped, bytes, at, "read region");
  }

  /**
   * Copies into the region without ever faulting (`process_vm_writev`).
   *
   * @param source what to copy
   * @param byteOffset where in the region to begin
   * @returns how many bytes were copied: fewer than asked for at the end of the region, or at a page
   * that is not there or cannot be written to
   * @throws {TypeError} If `source` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` lies beyond the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  tryWrite(source: Uint8Array, byteOffset: number): number {
    const at = wholeNumber(byteOffset, "byteOffset", "write region");
    const bytes = plainBytes(source, "source", "write region");
    return this.#copy(copyToMapped, bytes, at, "write region");
  }

  #copy(copy: typeof copyFromMapped, bytes: Uint8Array, at: number, action: string): number {
    const mapping = this.#core.live(action);
    const room = this.byteLength - at;
    if (room < 0) {
      throw new RangeError(
        `Cannot ${action} as byteOffset must lie within ${this.byteLength} bytes: received ${at}`,
      );
    }
    return copy(pointerAt(mapping.pointer, this.#core.lead + at), headOf(bytes, room));
  }

  /**
   * Takes the bytes from every view and unmaps. Closing a closed region is silent.
   *
   * An operation of Deno that still uses the bytes goes on with the true memory, which is given back
   * when the last such operation has ended: see `MmapRegion.held`. What was written to a shared mapping
   * stays in its object. If the buffer was transferred away, its memory turns into private zeros.
   */
  close(): void {
    this.#core.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.#core.close();
  }
}
