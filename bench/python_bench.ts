/**
 * Measures channels and mutexes between Deno and Python, beside what Python has itself: messages of
 * 64 bytes. Both sides take turns in one run, and the medians are printed: `deno run -A
 * bench/python_bench.ts`. It needs python3.
 */

import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";

const FOLDER = new URL("../languages/python/", import.meta.url).pathname;
const PROGRAM = new URL("_python_peer.py", import.meta.url).pathname;
const COUNT = 200_000;
const LOCKS = 100_000;
const TURNS = 7;
const CAPACITY = 1 << 20;

/** A Python that does jobs of _python_peer.py. */
class Python {
  readonly #process = new Deno.Command("python3", {
    args: [PROGRAM, FOLDER],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  readonly #input = this.#process.stdin.getWriter();
  readonly #output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  #rest = "";

  async #line(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("Python has ended");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  /** Begins a job, and waits until Python has begun it. */
  async begin(job: string, first: string, second: number | string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${job} ${first} ${second}\n`));
    await this.#line();
  }

  /** How many seconds of wall clock and of its processor the job took. */
  async took(): Promise<Time> {
    const [wall, processor] = (await this.#line()).split(" ").map(Number);
    return { wall: wall!, processor: processor! };
  }

  async end(): Promise<void> {
    await this.#input.close();
    await this.#output.cancel();
    await this.#process.status;
  }
}

interface Time {
  readonly wall: number;
  readonly processor: number;
}

const python = new Python();
const message = new Uint8Array(64);

/** Each measures one turn. */
const WORK: Record<string, { count: number; run: () => Promise<Time> }> = {
  "messages Deno -> Python": {
    count: COUNT,
    async run(): Promise<Time> {
      using channel = Channel.create({ capacity: CAPACITY });
      await python.begin("receive", formatHandle(channel.handle()), COUNT);
      for (let i = 0; i < COUNT; i++) channel.sendSync(message);
      return await python.took();
    },
  },
  "messages Python -> Deno": {
    count: COUNT,
    async run(): Promise<Time> {
      using channel = Channel.create({ capacity: CAPACITY });
      await python.begin("send", formatHandle(channel.handle()), COUNT);
      for (let i = 0; i < COUNT; i++) channel.receiveSync();
      return await python.took();
    },
  },
  "messages by Python's pipe (multiprocessing)": {
    count: COUNT,
    async run(): Promise<Time> {
      await python.begin("pipe", "-", COUNT);
      return await python.took();
    },
  },
  "lock and unlock a Mutex": {
    count: LOCKS,
    async run(): Promise<Time> {
      using region = MmapRegion.anonymous(4096);
      await python.begin("lock", formatHandle(region.handle()), LOCKS);
      return await python.took();
    },
  },
  "lock and unlock multiprocessing.Lock": {
    count: LOCKS,
    async run(): Promise<Time> {
      await python.begin("multiprocessing_lock", "-", LOCKS);
      return await python.took();
    },
  },
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const times = new Map(Object.keys(WORK).map((name) => [name, [] as Time[]]));
for (let turn = 0; turn < TURNS; turn++) {
  for (const [name, { run }] of Object.entries(WORK)) times.get(name)!.push(await run());
}
await python.end();

for (const [name, { count }] of Object.entries(WORK)) {
  const all = times.get(name)!;
  const perSecond = count / median(all.map(({ wall }) => wall));
  const cpu = median(all.map(({ processor }) => processor)) / count * 1e9;
  console.log(
    `${name.padEnd(46)} ${(perSecond / 1e6).toFixed(2)} M/s, ` +
      `${cpu.toFixed(0)} ns of Python's processor each`,
  );
}
