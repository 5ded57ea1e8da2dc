/**
 * What channels cost, as ratios within one run: `deno run -A bench/channel_bench.ts`, followed by the
 * letters of the parts if not all are wanted. Needs gcc, python3, node and taskset, and two processor cores.
 *
 * a: round trip, spinning. b: round trip, sleeping. c: round trip, awaited. d: short messages.
 * e: long messages. f: latency. g: other languages and Workers. h: several producers.
 *
 * Both sides of a ratio are measured in turns; see region_ratios.ts.
 */

import { Futex } from "@mmap/mmap/sync";
import {
  CAPACITY,
  ChannelPeer,
  echoing,
  type Load,
  PipePeer,
  Producers,
  WorkerPeer,
} from "./_channel_peer.ts";
import { INTERVAL, type RECEIVERS, type SENDERS } from "./_channel_work.ts";
import { blockingTurns, end, FIRST, SemaphorePair } from "./_hand_over.ts";
import {
  compilePeer,
  output,
  Peer,
  peerPath,
  place,
  type Placement,
  PLACEMENTS,
  printed,
} from "./_programs.ts";
import {
  median,
  type Medians,
  perTurn,
  printComparison,
  printHead,
  type Side,
  type Target,
} from "./_ratio.ts";
import { KiB, MiB, withDirectory } from "./_work.ts";

const SHORT = 64;
const LONG = 64 * KiB;

/** Many short ones: other programs of the machine then spoil some of them, and not all. */
const ROUNDS = 21;

/** Our time in theirs. */
const TIME = { figure: ({ ours, theirs }: Medians) => ours / theirs, unit: " of its time" };

/** Our speed in theirs. */
const SPEED = { figure: ({ ours, theirs }: Medians) => theirs / ours, unit: " times as fast" };

const parts: Record<string, (dir: string) => Promise<void>> = {
  a: compareSpinning,
  b: compareSleeping,
  c: compareAwaited,
  d: compareShort,
  e: compareLong,
  f: showLatencies,
  g: compareOthers,
  h: compareProducers,
};

const wanted = Deno.args.length === 0 ? Object.keys(parts) : [...Deno.args.join("")];

/** Neither process sleeps. */
async function compareSpinning(dir: string): Promise<void> {
  const program = await compilePeer("hand_over", dir);
  for (const way of ["sync", "into"] as const) {
    await using peer = new ChannelPeer("answer", way, { byteLength: SHORT, wait: "spin" });
    const calls = way === "sync" ? "receiveSync" : "receiveIntoSync";
    await printComparison("(a) round trip of 64 B, both spin", {
      ours: peer.calling(`sendSync, ${calls}`, way, 3_000),
      theirs: inC(program, "spin pair in C", "spin", 10_000),
      rounds: 31,
    }, { ...TIME, atMost: 3 });
  }
}

/** Who waits sleeps in the kernel, at once or after some tries. */
async function compareSleeping(): Promise<void> {
  for (const placement of PLACEMENTS) {
    await compareBlocking(placement);
    await compareTrying(placement);
  }
}

async function compareBlocking(placement: Placement): Promise<void> {
  await using peer = new ChannelPeer("answer", "sync", { byteLength: SHORT, wait: "block" });
  await using other = new Peer("block", end);
  await using _ = await place(placement, [peer.pid, other.process.pid]);
  const futex = new Futex(other.region);
  await printComparison(`(b) round trip of 64 B, both sleep, ${placement}`, {
    ours: peer.calling('Channel, wait "block"', "sync", 1_000),
    theirs: perTurn("Futex", 1_000, (times) => blockingTurns(futex, FIRST, times)),
    rounds: ROUNDS,
  }, { ...TIME, atMost: 1.3 });
}

async function compareTrying(placement: Placement): Promise<void> {
  await using peer = new ChannelPeer("answer", "sync", { byteLength: SHORT });
  await using other = new Peer("permits", (region) => new SemaphorePair(region).end());
  await using _ = await place(placement, [peer.pid, other.process.pid]);
  const pair = new SemaphorePair(other.region);
  await printComparison(`(b) round trip of 64 B, tries before sleep, ${placement}`, {
    ours: peer.calling('Channel, wait "adaptive"', "sync", 1_000),
    theirs: perTurn("two Semaphores", 1_000, (times) => pair.call(times)),
    rounds: ROUNDS,
  }, { ...TIME, atMost: 1.3 });
}

/** No event loop is blocked. */
async function compareAwaited(): Promise<void> {
  const load = { byteLength: SHORT, times: 300 };
  const target = { ...SPEED, atLeast: 1 };
  await using peer = new ChannelPeer("answer", "await", { byteLength: SHORT });
  const ours = peer.calling("Channel", "await", load.times);
  {
    await using other = new Peer("echo", () => {});
    const theirs = echoing(other, load);
    await printComparison(
      "(c) round trip of 64 B, awaited",
      { ours, theirs, rounds: ROUNDS },
      target,
    );
    theirs.release();
  }
  using worker = new WorkerPeer();
  const theirs = worker.calling(load);
  await printComparison(
    "(c) round trip of 64 B, awaited",
    { ours, theirs, rounds: ROUNDS },
    target,
  );
}

/** How a message goes: the calls of both ends. */
type Way = [name: string, send: keyof typeof SENDERS, receive: keyof typeof RECEIVERS];

const PLAIN: Way[] = [
  ["trySend, tryReceive", "try", "try"],
  ["sendSync, receiveSync", "sync", "sync"],
];

/** At least 10 million per second, or a fifth of the ring in C. */
const OF_WANTED: Target = {
  figure: ({ ours, theirs }) => Math.max(100, 5 * theirs) / ours,
  unit: " of what is wanted",
};

/** Messages of 64 bytes, from one process to another. */
async function compareShort(dir: string): Promise<void> {
  const program = await compilePeer("channel_ring", dir);
  const others: Way[] = [
    ["sendMany, receiveMany", "many", "many"],
    ["reserve, peek", "reserve", "peek"],
    ["trySend, tryReceive, pooled", "try", "pooled"],
    ["trySend, tryReceiveInto", "try", "into"],
    ["send, receive", "await", "await"],
  ];
  const theirs = ringInC(program, { byteLength: SHORT, times: 200_000 });
  for (const way of [...PLAIN, ...others]) {
    await compareWay("(d) 64 B one to one", way, { byteLength: SHORT, times: 50_000 }, {
      theirs,
      target: PLAIN.includes(way) ? { ...OF_WANTED, atLeast: 1 } : OF_WANTED,
    });
  }
  const load = { byteLength: SHORT, times: 3_000 };
  await using pipe = new PipePeer(load);
  for (const way of PLAIN) {
    await compareWay("(d) 64 B one to one", way, { byteLength: SHORT, times: 50_000 }, {
      theirs: pipe.sending(),
      target: { ...SPEED, atLeast: 50 },
    });
  }
}

async function compareWay(
  topic: string,
  [name, send, receive]: Way,
  load: Load,
  { theirs, target }: { theirs: Side; target: Target },
): Promise<void> {
  await using peer = new ChannelPeer("receive", receive, load);
  const ours = peer.sending(name, send, load.times);
  const written = load.byteLength === LONG ? bandwidth : rate;
  await printComparison(topic, { ours, theirs, rounds: ROUNDS }, target, written);
}

/**
 * Messages of 64 KiB, through a ring that fits into the caches and one that does not. In the small
 * one, `memcpy` never leaves the cache of its core, and a ring's bytes have to go from core to core.
 */
async function compareLong(dir: string): Promise<void> {
  const program = await compilePeer("channel_ring", dir);
  const ways: Way[] = [
    PLAIN[1]!,
    ["trySend, tryReceiveInto", "try", "into"],
    ["trySend, peek", "try", "peek"],
  ];
  for (const capacity of [MiB, 64 * MiB]) {
    const topic = `(e) 64 KiB one to one, ring of ${capacity / MiB} MiB`;
    const load = { byteLength: LONG, times: 500, capacity };
    const copies = inC(program, "memcpy", "memcpy", LONG, 2_000, capacity);
    const ring = ringInC(program, load);
    const target = { ...SPEED, unit: " of its speed" };
    await printComparison(topic, { ours: ring, theirs: copies, rounds: ROUNDS }, target, bandwidth);
    for (const way of ways) {
      await compareWay(topic, way, load, { theirs: copies, target: { ...target, atLeast: 0.5 } });
    }
  }
  const load = { byteLength: LONG, times: 500 };
  await using pipe = new PipePeer(load);
  for (const way of ways) {
    await compareWay("(e) 64 KiB one to one", way, load, {
      theirs: pipe.sending(),
      target: { ...SPEED, atLeast: 10 },
    });
  }
}

/** One message each 10 µs. Both processes read the same clock of the machine. */
async function showLatencies(dir: string): Promise<void> {
  const times = 50_000;
  const rounds = 3;
  const program = await compilePeer("channel_ring", dir);
  const rows: Record<string, () => Promise<number[]>> = {
    "ring in C": async () => {
      const args = ["latency", SHORT, times, CAPACITY, INTERVAL].map(String);
      return (await output(program, args)).split(" ").map(Number);
    },
  };
  await using trying = new ChannelPeer("latency", "try", { byteLength: SHORT });
  await using blocking = new ChannelPeer("latency", "sync", { byteLength: SHORT });
  await using awaiting = new ChannelPeer("latency", "await", { byteLength: SHORT });
  rows["tryReceive"] = () => Promise.resolve(trying.latencies(times));
  rows["receiveSync"] = () => Promise.resolve(blocking.latencies(times));
  rows["await receive"] = () => Promise.resolve(awaiting.latencies(times));
  const measured = Object.keys(rows).map((): number[][] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, row] of Object.values(rows).entries()) {
      const figures = await row();
      if (round > 0) measured[i]!.push(figures);
    }
  }
  console.log(
    "\n| (f) one way, 100,000 per second | p50 | p99 | p99.9 |\n| --- | --- | --- | --- |",
  );
  for (const [i, name] of Object.keys(rows).entries()) {
    const medians = [0, 1, 2].map((column) => median(measured[i]!.map((row) => row[column]!)));
    console.log(`| ${name} | ${medians.map((ns) => `${(ns / 1000).toFixed(2)} µs`).join(" | ")} |`);
  }
  console.log();
}

/** What people use today. */
async function compareOthers(): Promise<void> {
  const load = { byteLength: SHORT, times: 10_000 };
  const args = [`${load.byteLength}`, `${load.times}`];
  const python = (name: string, kind: string): Side =>
    printed(name, "python3", [peerPath("channel_queue.py"), kind, ...args]);
  using worker = new WorkerPeer();
  const sides = [
    python("Python's multiprocessing.Queue", "queue"),
    python("Python's multiprocessing.Pipe", "pipe"),
    worker.sending(load),
    printed("postMessage to a Worker of Node", "node", [peerPath("channel_node.mjs"), ...args]),
  ];
  for (const theirs of sides) {
    await compareWay("(g) 64 B one to one", PLAIN[1]!, { byteLength: SHORT, times: 50_000 }, {
      theirs,
      target: { ...SPEED, atLeast: 1 },
    });
  }
}

/** Messages of 64 bytes from one process or from several, to one. */
async function compareProducers(): Promise<void> {
  await using single = new Producers(1, "single", SHORT);
  await using one = new Producers(1, "multiple", SHORT);
  await using eight = new Producers(8, "multiple", SHORT);
  const times = 40_000;
  const sides = {
    one: one.sending('one, producers "multiple"', times),
    eight: eight.sending("eight", times),
  };
  const theirs = single.sending('one, producers "single"', times);
  await printComparison("(h) 64 B, producers", { ours: sides.one, theirs, rounds: ROUNDS }, {
    ...TIME,
    atMost: 1.2,
  });
  await printComparison(
    "(h) 64 B, producers",
    { ours: sides.eight, theirs: sides.one, rounds: ROUNDS },
    { ...TIME, atMost: 3 },
  );
}

function ringInC(program: string, { byteLength, times, capacity = CAPACITY }: Load): Side {
  return inC(program, "ring in C", "throughput", byteLength, times, capacity);
}

function inC(program: string, name: string, ...args: (string | number)[]): Side {
  return printed(name, program, args.map(String));
}

/** Short messages per second. */
function rate(nanoseconds: number): string {
  return `${(1e3 / nanoseconds).toFixed(2)} million/s`;
}

/** Long messages per second, in bytes. */
function bandwidth(nanoseconds: number): string {
  return `${(LONG / nanoseconds).toFixed(2)} GB/s`;
}

// Where other programs want the processors too, whoever waits in a loop waits for them, on both sides of
// a ratio: then most of the figures say nothing.
console.log(
  `Load of ${navigator.hardwareConcurrency} processors: ${Deno.loadavg()[0]!.toFixed(1)}\n`,
);

await withDirectory(async (dir) => {
  printHead();
  for (const part of wanted) await parts[part]!(dir);
});
