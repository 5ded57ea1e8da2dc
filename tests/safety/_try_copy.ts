/** Copies that never fault. Each action gets a directory. */

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { act } from "../_act.ts";
import { sharedBuffers } from "../_capabilities.ts";
import { truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";

type Make = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => Uint8Array;

await act({
  stopAtTheEnd(dir: string, guard: boolean): void {
    const path = makeFile(dir, 8 * PAGE);
    for (const byteOffset of [0, 1001]) {
      makeFile(dir, 8 * PAGE);
      using region = MmapRegion.open(path, { access: "read-write", byteOffset, guard });
      truncate(path, 3 * PAGE - 50);
      const last = 3 * PAGE - byteOffset; // behind the last page that is there
      const target = new Uint8Array(8 * PAGE).fill(9);
      assertEquals(region.tryRead(target, 0), last);
      const expected = pattern(8 * PAGE).subarray(byteOffset, 3 * PAGE);
      expected.fill(0, last - 50);
      assertEquals(target.subarray(0, last), expected);
      assert(target.subarray(last).every((byte) => byte === 9));
      for (const at of [last, last + 1, 5 * PAGE, region.byteLength - 1]) {
        assertEquals([region.tryRead(target, at), region.tryWrite(target, at)], [0, 0]);
      }
      assertEquals(region.tryRead(target.subarray(0, 10), last - 4), 4);
      assertEquals(region.tryWrite(Uint8Array.of(1, 2, 3, 4, 5), last - 53), 5);
      assertEquals(region.tryWrite(new Uint8Array(2 * PAGE), last - 7), 7);
      assertEquals(Deno.readFileSync(path).subarray(-3), Uint8Array.of(1, 2, 3));
      assertEquals([...region.probe()], [1, 1, 1, 0, 0, 0, 0, 0]);
      assertEquals([...region.probe({ byteOffset: last - 1, byteLength: 2 })], [1, 0]);
      truncate(path, 0);
      assertEquals(region.tryRead(target, 0), 0);
      assertEquals([...region.probe({ byteLength: 1 })], [0]);
      assertEquals(region.faults, 0);
      region.check();
    }
  },

  stopAtProtectedPages(dir: string, guard: boolean): void {
    const path = makeFile(dir, 4 * PAGE);
    const regions = [
      MmapRegion.open(path, { access: "read-write", guard }),
      MmapRegion.open(path, { access: "copy-on-write", guard }),
      MmapRegion.anonymous(4 * PAGE, { guard }),
      MmapRegion.anonymous(4 * PAGE, { sharing: "private", guard }),
    ];
    for (const region of regions) {
      region.bytes.set(pattern(4 * PAGE));
      region.protect("none", { byteOffset: PAGE, byteLength: PAGE });
      region.protect("read", { byteOffset: 3 * PAGE, byteLength: PAGE });
      const target = new Uint8Array(4 * PAGE);
      assertEquals(region.tryRead(target, 10), PAGE - 10);
      assertEquals(region.tryRead(target, PAGE), 0);
      assertEquals(region.tryRead(target, 2 * PAGE - 1), 0);
      assertEquals(region.tryRead(target, 2 * PAGE), 2 * PAGE);
      assertEquals(target.subarray(0, 2 * PAGE), pattern(4 * PAGE).subarray(2 * PAGE));
      assertEquals([...region.probe()], [1, 0, 1, 1]);
      assertEquals(region.tryWrite(new Uint8Array(3 * PAGE), PAGE - 3), 3);
      assertEquals(region.tryWrite(new Uint8Array(3 * PAGE), PAGE + 3), 0);
      assertEquals(region.tryWrite(new Uint8Array(3 * PAGE), 3 * PAGE - 3), 3);
      assertEquals(region.tryWrite(new Uint8Array(1), 4 * PAGE - 1), 0);
      assertEquals([
        region.tryRead(new Uint8Array(0), PAGE),
        region.tryWrite(new Uint8Array(0), PAGE),
      ], [0, 0]);
      region.protect("read-write");
      const expected = pattern(4 * PAGE);
      expected.fill(0, PAGE - 3, PAGE).fill(0, 3 * PAGE - 3, 3 * PAGE);
      assertEquals([region.bytes, region.faults], [expected, 0]);
      region.close();
    }
  },

  takeEveryUint8Array(dir: string): void {
    const path = makeFile(dir, 4 * PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    using other = MmapRegion.anonymous(4 * PAGE);
    class Liar extends Uint8Array {
      override get length(): number {
        return 3 * PAGE;
      }
      override get byteLength(): number {
        return 3 * PAGE;
      }
      override get buffer(): ArrayBuffer {
        return new ArrayBuffer(3 * PAGE);
      }
      override get byteOffset(): number {
        return PAGE;
      }
      override subarray(): Uint8Array<ArrayBuffer> {
        return new Uint8Array(3 * PAGE);
      }
      static get [Symbol.species](): unknown {
        return Array;
      }
    }
    const own = new Uint8Array(40);
    for (const name of ["length", "byteLength", "byteOffset"]) {
      Object.defineProperty(own, name, { value: 3 * PAGE });
    }
    Object.defineProperty(own, "subarray", { value: () => new Uint8Array(3 * PAGE) });
    Object.defineProperty(own, "constructor", { value: { [Symbol.species]: Liar } });
    // Memory on both sides of each target, to see what is not its own.
    const around = (
      buffer: ArrayBufferLike,
      make: Make,
    ): [Uint8Array, (Uint8Array | undefined)?] => [
      make(buffer, 40, 40),
      new Uint8Array(buffer),
    ];
    const plain: Make = (buffer, at, length) => new Uint8Array(buffer, at, length);
    const cases: [Uint8Array, (Uint8Array | undefined)?][] = [
      around(new ArrayBuffer(4 * PAGE), plain),
      around(new SharedArrayBuffer(4 * PAGE), plain),
      around(new ArrayBuffer(4 * PAGE, { maxByteLength: 8 * PAGE }), plain),
      around(new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }).buffer, plain),
      around(other.buffer, plain),
      ...(sharedBuffers.ignore ? [] : [around(other.sharedBuffer(), plain)]),
      around(
        new ArrayBuffer(4 * PAGE),
        (...at) => new Liar(...at as [ArrayBuffer, number, number]),
      ),
      around(new ArrayBuffer(4 * PAGE), (...at) => Buffer.from(...at)),
      around(
        new ArrayBuffer(4 * PAGE),
        (...at) => Object.setPrototypeOf(new Uint8Array(...at), null),
      ),
      [new Uint8Array(40), undefined], // lives on V8's heap
      [own, undefined],
    ];
    for (const [target, all] of cases) {
      all?.fill(250);
      assertEquals(region.tryRead(target, PAGE), 40);
      const at = (i: number): number | undefined => all === undefined ? target[i] : all[40 + i];
      for (let i = 0; i < 40; i++) assertEquals(at(i), pattern(4 * PAGE)[PAGE + i]);
      if (all !== undefined) assertEquals([all[39], all[80], all[3 * PAGE]], [250, 250, 250]);
      for (let i = 0; i < 40; i++) all === undefined ? target[i] = i : all[40 + i] = i;
      assertEquals(region.tryWrite(target, 2 * PAGE - 20), 40);
      const file = Deno.readFileSync(path);
      assertEquals(
        file.subarray(2 * PAGE - 20, 2 * PAGE + 20),
        Uint8Array.from({ length: 40 }, (_, i) => i),
      );
      assertEquals(file[2 * PAGE + 20], pattern(4 * PAGE)[2 * PAGE + 20]);
      assertEquals(region.tryRead(target, 4 * PAGE - 1), 1); // clipped at the region's end
    }
    // Views whose memory has gone, and memory that has no memory of its own.
    const gone = new Uint8Array(8);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    assertThrows(() => region.tryRead(gone, 0), TypeError);
    const shrunk = new ArrayBuffer(100, { maxByteLength: 200 });
    const tracking = new Uint8Array(shrunk);
    const fixed = new Uint8Array(shrunk, 50, 50);
    shrunk.resize(10);
    assertEquals(region.tryRead(tracking, 0), 10);
    assertEquals(region.tryRead(fixed, 0), 0); // out of its buffer's bounds: no bytes
    // A target whose own page is missing.
    using lost = MmapRegion.open(makeFile(dir, 2 * PAGE, "lost"), { access: "read-write" });
    truncate(dir + "/lost", 0);
    assertEquals([region.tryRead(lost.bytes, 0), region.tryWrite(lost.bytes, 0)], [0, 0]);
    assertEquals(lost.faults, 0);
    assertEquals(region.tryRead(region.bytes, 0), 4 * PAGE); // onto itself
  },
});
