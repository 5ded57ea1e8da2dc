/** The ways to a file's bytes in Deno, Node and Bun: each gives a function that opens a file. */
// deno-lint-ignore-file explicit-function-return-type -- JavaScript has no types
import { Buffer } from "node:buffer";
import fs from "node:fs";

/** A file whose bytes are there as an array. */
class Bytes {
  bytes;

  constructor(bytes) {
    this.bytes = bytes;
  }

  get byteLength() {
    return this.bytes.length;
  }

  first() {
    return this.bytes[0];
  }

  numbers() {
    return new Float64Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >> 3);
  }

  sum() {
    const numbers = this.numbers();
    let total = 0;
    for (let i = 0; i < numbers.length; i++) total += numbers[i];
    return total;
  }

  readRecords(at, record) {
    const target = new Uint8Array(record.buffer);
    let total = 0;
    for (let i = 0; i < at.length; i++) {
      const start = at[i] * target.length;
      target.set(this.bytes.subarray(start, start + target.length));
      total += record[0];
    }
    return total;
  }

  readNumbers(at) {
    const numbers = this.numbers();
    let total = 0;
    for (let i = 0; i < at.length; i++) total += numbers[at[i]];
    return total;
  }

  search(needle) {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).indexOf(needle);
  }

  /** The garbage collector unmaps and frees. */
  close() {}
}

/** Grows as those have to who cannot resize a mapping: by another one. */
class Remapped extends Bytes {
  #fd;
  #map;

  constructor(fd, map) {
    super(map());
    this.#fd = fd;
    this.#map = map;
  }

  grow(byteLength) {
    fs.ftruncateSync(this.#fd, byteLength);
    this.bytes = this.#map();
    this.bytes[byteLength - 1] = 1;
  }

  close() {
    fs.closeSync(this.#fd);
  }
}

async function mmap() {
  const { MmapRegion } = await import("@mmap/mmap");
  class Region extends Bytes {
    #region;

    constructor(region) {
      super(region.bytes);
      this.#region = region;
    }

    search(needle) {
      return this.#region.indexOf(needle);
    }

    writeAndFlush(byteOffset, record) {
      this.bytes.set(record, byteOffset);
      this.#region.flushSync({ byteOffset, byteLength: record.length });
    }

    grow(byteLength) {
      this.#region.resize(byteLength);
      this.bytes = this.#region.bytes;
      this.bytes[byteLength - 1] = 1;
      this.grown = byteLength;
    }

    get byteLength() {
      return this.grown ?? this.bytes.length;
    }

    close() {
      this.#region.close();
    }
  }
  const read = {};
  const write = { access: "read-write" };
  return (path, writable) => new Region(MmapRegion.open(path, writable ? write : read));
}

function readFile() {
  const open = (path) => new Bytes(Deno.readFileSync(path));
  const once = "what it has read is memory like any other";
  const whole = "it reads whole files, and does not write";
  open.refuses = { "read-4k": once, "read-8": once, "write-flush": whole, grow: whole };
  return open;
}

/** A file that is read and written by calls. */
class Calls {
  #file;
  #chunk = new Float64Array(65536 / 8);
  #one = new Float64Array(1);

  constructor(file) {
    this.#file = file;
    this.byteLength = file.statSync().size;
  }

  first() {
    this.#file.readSync(new Uint8Array(this.#one.buffer, 0, 1));
    return new Uint8Array(this.#one.buffer)[0];
  }

  sum() {
    const numbers = this.#chunk;
    const bytes = new Uint8Array(numbers.buffer);
    let total = 0;
    for (let read; (read = this.#file.readSync(bytes)) !== null;) {
      for (let i = 0; i < read >> 3; i++) total += numbers[i];
    }
    return total;
  }

  readRecords(at, record) {
    const target = new Uint8Array(record.buffer);
    let total = 0;
    for (let i = 0; i < at.length; i++) {
      this.#file.seekSync(at[i] * target.length, Deno.SeekMode.Start);
      this.#file.readSync(target);
      total += record[0];
    }
    return total;
  }

  readNumbers(at) {
    return this.readRecords(at, this.#one);
  }

  writeAndFlush(byteOffset, record) {
    this.#file.seekSync(byteOffset, Deno.SeekMode.Start);
    this.#file.writeSync(record);
    this.#file.syncDataSync();
  }

  grow(byteLength) {
    this.#file.truncateSync(byteLength);
    this.#file.seekSync(byteLength - 1, Deno.SeekMode.Start);
    this.#file.writeSync(Uint8Array.of(1));
    this.byteLength = byteLength;
  }

  close() {
    this.#file.close();
  }
}

function fsFile() {
  const open = (path, write = false) => new Calls(Deno.openSync(path, { read: true, write }));
  open.refuses = { search: "it has no search" };
  return open;
}

async function mmapIo() {
  const { default: mmap } = await import("@riaskov/mmap-io");
  class Mapped extends Remapped {
    writeAndFlush(byteOffset, record) {
      this.bytes.set(record, byteOffset);
      mmap.sync(this.bytes, byteOffset, record.length, true, false);
    }
  }
  return (path, writable) => {
    const fd = fs.openSync(path, writable ? "r+" : "r");
    const protection = writable ? mmap.PROT_READ | mmap.PROT_WRITE : mmap.PROT_READ;
    const map = () => mmap.map(fs.fstatSync(fd).size, protection, mmap.MAP_SHARED, fd);
    return new Mapped(fd, map);
  };
}

function bunMmap() {
  class Mapped extends Remapped {
    #fd;

    constructor(fd, map) {
      super(fd, map);
      this.#fd = fd;
    }

    /** Bun has no msync; fdatasync writes the pages of a mapping, too. */
    writeAndFlush(byteOffset, record) {
      this.bytes.set(record, byteOffset);
      fs.fdatasyncSync(this.#fd);
    }
  }
  return (path, writable) =>
    writable
      ? new Mapped(fs.openSync(path, "r+"), () => Bun.mmap(path))
      : new Bytes(Bun.mmap(path));
}

export const SIDES = {
  mmap,
  readFile,
  FsFile: fsFile,
  "mmap-io": mmapIo,
  "Bun.mmap": bunMmap,
};
