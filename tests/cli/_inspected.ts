/** The other processes of the tests of `mmap inspect`, `top` and `locks`. */

import { MmapRegion } from "@mmap/mmap";
import { Channel, connect, serve } from "@mmap/mmap/channel";
import { Mutex, RwLock } from "@mmap/mmap/sync";
import { act, stdinEnds } from "../_act.ts";
import { splitLines } from "../_child.ts";
import { inspectAll } from "../../src/cli/kinds/inspection.ts";
import { KIND_NAMES, makeKinds, SHAPE } from "./_kinds.ts";

/** Nobody else is looked at: that takes longer than all the rest. */
const ALONE = { scene: undefined };

await act({
  /** Has one of each kind until its stdin ends. */
  async kinds(dir: string): Promise<void> {
    await using _kinds = await makeKinds(dir);
    console.log("ready");
    await stdinEnds();
  },

  /** Holds nothing. */
  async idle(): Promise<void> {
    console.log("ready");
    await stdinEnds();
  },

  /** Serves until its stdin ends. */
  async serve(path: string): Promise<void> {
    using _server = serve({ path }, (request) => request);
    console.log("ready");
    await stdinEnds();
  },

  /** Calls a server once, and stays its client until its stdin ends. */
  async call(path: string): Promise<void> {
    using client = await connect({ path });
    await client.call(new Uint8Array(1));
    console.log("ready");
    await stdinEnds();
  },

  /** Holds the mutex of a layout, and reads twice what its RwLock guards. */
  async hold(path: string): Promise<void> {
    using region = MmapRegion.open(path, { access: "read-write" });
    const shared = SHAPE.attach(region);
    using _guard = shared.mutex.lockSync();
    using _reader = shared.config.readSync();
    using _again = shared.config.readSync();
    console.log("ready");
    await stdinEnds();
  },

  /** Blocks until the mutex of a layout is free. */
  block(path: string): void {
    using region = MmapRegion.open(path, { access: "read-write" });
    console.log("ready");
    SHAPE.attach(region).mutex.lockSync();
  },

  /** Awaits that it can write what the RwLock of a layout guards. */
  async awaitWriting(path: string): Promise<void> {
    using region = MmapRegion.open(path, { access: "read-write" });
    console.log("ready");
    await SHAPE.attach(region).config.write();
  },

  /** Holds locks without a header: a mutex, an RwLock for reading, and one for writing. */
  async holdBare(path: string): Promise<void> {
    using region = MmapRegion.open(path, { access: "read-write" });
    using _mutex = new Mutex(region, 128).lockSync();
    using _reader = new RwLock(region, 4096).readSync();
    using _writer = new RwLock(region, 8192).writeSync();
    console.log("ready");
    await stdinEnds();
  },

  /** Sends a message for each line of its stdin. */
  async send(path: string): Promise<void> {
    using channel = Channel.create({ path, capacity: 65536, producers: "multiple" });
    console.log("ready");
    const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
      splitLines(),
    );
    for await (const _line of lines) channel.trySend(new Uint8Array(1000));
  },

  /** Writes nonsense over each kind, and looks; nothing of it may change. @returns how often it was damaged */
  async damage(dir: string, seed: number, rounds: number): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    let x = seed;
    const random = (below: number): number => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return (x >>> 0) % below;
    };
    const values = [() => random(2 ** 32), () => 0, () => -1, () => random(256), () => 2 ** 30];
    for (const kind of KIND_NAMES) {
      using file = MmapRegion.open(`${dir}/${kind}`);
      using copy = MmapRegion.anonymous(file.byteLength);
      found[kind] = 0;
      for (let round = 0; round < rounds; round++) {
        copy.bytes.set(file.bytes);
        const words = copy.view(Int32Array, 0, Math.floor(copy.byteLength / 4));
        // The first words only sometimes, or nothing would be recognised.
        const first = round % 8 === 0 ? 0 : 4;
        const many = 1 + random(20);
        for (let i = 0; i < many; i++) {
          words[first + random(i % 2 === 0 ? 200 : words.length - first)] =
            values[random(values.length)]!();
        }
        const before = copy.bytes.slice();
        const { inspection: { problems, kind: seen } } = await inspectAll(copy, ALONE);
        if (problems.length > 0 && seen === kind) found[kind]!++;
        if (before.some((byte, i) => byte !== copy.bytes[i])) {
          throw new Error(`${kind} has changed`);
        }
      }
    }
    return found;
  },
});
