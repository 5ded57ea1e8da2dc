/**
 * What awaited round trips between two processes cost in this build, against another one beside it and
 * against the pipes of `Deno.Command`: `deno run -A bench/awaited_ratios.ts OTHER_CHECKOUT [KIND ...]`.
 * Linux only. The kinds are Channel, calls, Broadcast and Latest.
 *
 * All sides take turns. Each is measured in a row of round trips, by the clock and by the processor time
 * of both processes, and in single ones after 100 ms of silence. On a machine that does other work, the
 * processor time says most. `taskset -c 0` in front puts all of it on one processor.
 */

import type { Broadcast, Channel, connect, Latest } from "@mmap/mmap/channel";
import { resolve, toFileUrl } from "@std/path";
import { peerPath } from "./_programs.ts";
import { duration, takeTurns } from "./_ratio.ts";
import { withDirectory } from "./_work.ts";

interface Channels {
  readonly Broadcast: typeof Broadcast;
  readonly Channel: typeof Channel;
  readonly Latest: typeof Latest;
  readonly connect: typeof connect;
}

const BYTE_LENGTH = 64;
const TIMES = 200;
const ROUNDS = 21;
const SILENT_ROUNDS = 31;
const SILENCE_MS = 100;

/** A process that answers, and a round trip to it. */
interface Partner extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly call: () => Promise<unknown>;
}

const message = new Uint8Array(BYTE_LENGTH);

type Started = Pick<Partner, "call"> & { readonly env: Record<string, string>; end(): void };

/** What this process does with each kind. */
const kinds: Record<string, (channels: Channels, dir: string) => Started> = {
  Channel({ Channel }): Started {
    const [to, back] = pairOf(() => Channel.create({ capacity: 65536 }));
    const call = async (): Promise<unknown> => {
      await to.send(message);
      return await back.receive();
    };
    return { call, env: { ...to.env("TO"), ...back.env("BACK") }, end: () => to.close() };
  },
  calls({ Channel, connect }, dir): Started {
    const to = Channel.create({ capacity: 4096 });
    const path = `${dir}/server-${crypto.randomUUID()}`;
    let client: ReturnType<typeof connect> | undefined;
    const end = (): void => {
      client?.close();
      to.closeSending();
      to.close();
    };
    const call = (): Promise<unknown> => (client ??= connect({ path })).call(message);
    return { call, env: { ...to.env("TO"), SERVER: path }, end };
  },
  Broadcast({ Broadcast }): Started {
    const [to, back] = pairOf(() => Broadcast.create({ capacity: 65536 }));
    const subscription = back.subscribe();
    const call = (): Promise<unknown> => {
      to.publish(message);
      return subscription.receive();
    };
    return { call, env: { ...to.env("TO"), ...back.env("BACK") }, end: () => to.close() };
  },
  Latest({ Latest }): Started {
    const [to, back] = pairOf(() => Latest.create({ byteLength: BYTE_LENGTH }));
    const value = new Uint8Array(BYTE_LENGTH);
    const call = async (): Promise<void> => {
      value[0] = value[0] === 1 ? 2 : 1;
      const changed = back.changed();
      to.write(value);
      await changed;
    };
    return {
      call,
      env: { ...to.env("TO"), ...back.env("BACK") },
      end: () => to.write(value.fill(255)),
    };
  },
};

function pairOf<T>(make: () => T): [T, T] {
  return [make(), make()];
}

function start(kind: string, url: string, env: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", peerPath("awaited.ts"), url, kind],
    env,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}

async function partner(
  name: string,
  kind: string,
  checkout: string,
  dir: string,
): Promise<Partner> {
  const url = new URL("src/channel/mod.ts", toFileUrl(`${resolve(checkout)}/`)).href;
  const { call, env, end } = kinds[kind]!(await import(url), dir);
  const process = start(kind, url, env);
  const stop = async (): Promise<void> => {
    end();
    await process.stdin.close();
    await process.stdout.cancel();
    await process.status;
  };
  return {
    name,
    pid: process.pid,
    call: kind === "calls" ? patient(call) : call,
    [Symbol.asyncDispose]: stop,
  };
}

/** A server needs some time to be there. */
function patient(call: () => Promise<unknown>): () => Promise<unknown> {
  return async () => {
    while (true) {
      try {
        return await call();
      } catch (error) {
        const { NotFound, ConnectionRefused, InvalidData } = Deno.errors;
        const early = [NotFound, ConnectionRefused, InvalidData].some((type) =>
          error instanceof type
        );
        if (!early && !(error instanceof RangeError)) throw error;
        await pause(10);
      }
    }
  };
}

function pipe(): Partner {
  const process = start("pipe", "data:text/javascript,", {});
  const writer = process.stdin.getWriter();
  const reader = process.stdout.getReader();
  const call = async (): Promise<void> => {
    await writer.write(message);
    for (let left = BYTE_LENGTH; left > 0;) left -= (await reader.read()).value!.length;
  };
  const stop = async (): Promise<void> => {
    await writer.close();
    await reader.cancel();
    await process.status;
  };
  return { name: "pipe", pid: process.pid, call, [Symbol.asyncDispose]: stop };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What all threads of some processes have run, in nanoseconds. */
function processorTime(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids) {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      try {
        const [running] = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ");
        total += Number(running);
      } catch {
        // The thread has ended.
      }
    }
  }
  return total;
}

async function calls({ call }: Partner, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await call();
}

/** The ways to measure, each in nanoseconds. */
const measures: Record<string, { rounds: number; measure: (partner: Partner) => Promise<number> }> =
  {
    "in a row": {
      rounds: ROUNDS,
      measure: async (partner) => {
        await calls(partner, 5);
        const start = performance.now();
        await calls(partner, TIMES);
        return (performance.now() - start) * 1e6 / TIMES;
      },
    },
    "processor time in a row": {
      rounds: ROUNDS,
      measure: async (partner) => {
        await calls(partner, 5);
        const pids = [Deno.pid, partner.pid];
        const start = processorTime(pids);
        await calls(partner, TIMES);
        return (processorTime(pids) - start) / TIMES;
      },
    },
    "after silence": {
      rounds: SILENT_ROUNDS,
      measure: async ({ call }) => {
        await pause(SILENCE_MS);
        const start = performance.now();
        await call();
        return (performance.now() - start) * 1e6;
      },
    },
  };

const [checkout, ...wanted] = Deno.args;
if (checkout === undefined) {
  throw new TypeError("deno run -A bench/awaited_ratios.ts OTHER_CHECKOUT [KIND ...]");
}
console.log(
  `Load of ${navigator.hardwareConcurrency} processors: ${Deno.loadavg()[0]!.toFixed(1)}\n`,
);
console.log("| round trip | this build | the other | pipe | of the other | of the pipe |");
console.log("| --- | --- | --- | --- | --- | --- |");
await withDirectory(async (dir) => {
  for (const kind of wanted.length > 0 ? wanted : Object.keys(kinds)) await compare(kind, dir);
});

async function compare(kind: string, dir: string): Promise<void> {
  const here = new URL("..", import.meta.url).pathname;
  await using ours = await partner("this build", kind, here, dir);
  await using theirs = await partner("the other", kind, checkout!, dir);
  await using pipes = pipe();
  const partners = [ours, theirs, pipes];
  for (const each of partners) await calls(each, 1000);
  for (const [what, { rounds, measure }] of Object.entries(measures)) {
    const sides = partners.map((each) => ({ name: each.name, measure: () => measure(each) }));
    const [mine, other, piped] = (await takeTurns(sides, rounds)) as [number, number, number];
    const times = [mine, other, piped].map(duration).join(" | ");
    const ratios = [mine / other, mine / piped].map((ratio) => ratio.toFixed(2)).join(" | ");
    console.log(`| ${kind}, ${what} | ${times} | ${ratios} |`);
  }
}
