/**
 * A shared cache beside lua_shared_dict of nginx, Redis and memcached: `deno run -A
 * bench/cache_peers_bench.ts`. Who is not installed is left out (`apt install nginx
 * libnginx-mod-http-lua redis-server memcached`).
 */

import process from "node:process";
import { MmapRegion } from "@mmap/mmap";
import { SharedCache } from "@mmap/mmap/collections";
import { peerPath } from "./_programs.ts";
import { type Medians, printComparison, printHead, type Side } from "./_ratio.ts";
import { withDirectory } from "./_work.ts";

const COUNT = 100_000;
const VALUE = new Uint8Array(100).fill(120);
const TIMES = 200_000;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let sum = 0;

/** Of this process on processors, in nanoseconds: others may use them, too. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return 1000 * (user + system);
}

/** The nanoseconds of one of many calls, by a clock. */
function each(name: string, clock: () => number, call: (i: number) => void): Side {
  let i = 0;
  return {
    name,
    measure: () => {
      const start = clock();
      for (let n = 0; n < TIMES; n++) call(i++);
      return (clock() - start) / TIMES;
    },
  };
}

/** A program that serves at a socket, until it is disposed of. */
async function serving(
  cwd: string,
  socket: string,
  command: string,
  args: string[],
): Promise<AsyncDisposable> {
  const server = new Deno.Command(command, { args, cwd, stdout: "null", stderr: "null" }).spawn();
  const ended = server.status.then(({ code }) => {
    throw new Error(`${command} ended with ${code}`);
  });
  const answers = async (): Promise<void> => {
    while (true) {
      try {
        (await Deno.connect({ transport: "unix", path: socket })).close();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  ended.catch(() => {});
  await Promise.race([answers(), ended]);
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      server.kill("SIGTERM");
      await server.status;
    },
  };
}

/** Sends a request and waits for all of its answer. */
async function ask(conn: Deno.Conn, request: string, byteLength: number): Promise<string> {
  await conn.write(encoder.encode(request));
  const answer = new Uint8Array(byteLength);
  let filled = 0;
  while (filled < byteLength) filled += (await conn.read(answer.subarray(filled)))!;
  return decoder.decode(answer);
}

/** A get that is awaited, by the text of its request and the length of its answer. */
function asking(name: string, conn: Deno.Conn, request: string, byteLength: number): Side {
  return {
    name,
    measure: async () => {
      const start = performance.now();
      for (let i = 0; i < 1000; i++) sum += (await ask(conn, request, byteLength)).length;
      return (performance.now() - start) * 1e3;
    },
  };
}

async function compareShared(dir: string, get: Side, set: Side): Promise<void> {
  const socket = `${dir}/nginx.sock`;
  await using _server = await serving(dir, socket, "/usr/sbin/nginx", [
    ...["-p", dir, "-c", peerPath("shared_dict.conf")],
  ]);
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  using _client = client;
  const measure = (what: string): Side => ({
    name: `lua_shared_dict, ${what}`,
    measure: async () => Number(await (await fetch(`http://localhost/${what}`, { client })).text()),
  });
  const time = ({ ours, theirs }: Medians): number => ours / theirs;
  const target = { figure: time, unit: " of its time", atMost: 0.7 };
  const topic = "read 100 bytes, of 100,000 keys";
  await printComparison(topic, { ours: get, theirs: measure("get"), rounds: 11 }, target);
  const full = "set a new key, which pushes one out";
  await printComparison(full, { ours: set, theirs: measure("set"), rounds: 11 }, target);
}

async function compareServer(name: string, socket: string, get: Side, dir: string): Promise<void> {
  const isRedis = name === "Redis";
  await using _server = isRedis
    ? await serving(dir, socket, "redis-server", [
      ...["--unixsocket", socket, "--port", "0", "--save", "", "--dir", dir],
    ])
    : await serving(dir, socket, "memcached", ["-s", socket, "-u", "root"]);
  using conn = await Deno.connect({ transport: "unix", path: socket });
  const value = decoder.decode(VALUE);
  if (isRedis) await ask(conn, `SET key ${value}\r\n`, "+OK\r\n".length);
  else await ask(conn, `set key 0 0 100\r\n${value}\r\n`, "STORED\r\n".length);
  const answer = isRedis ? `$100\r\n${value}\r\n` : `VALUE key 0 100\r\n${value}\r\nEND\r\n`;
  const request = isRedis ? "GET key\r\n" : "get key\r\n";
  await printComparison("read 100 bytes", {
    ours: get,
    theirs: asking(`${name}, on a Unix socket`, conn, request, answer.length),
    rounds: 11,
  }, {
    figure: ({ ours, theirs }) => theirs / ours,
    unit: " times as fast",
    ...isRedis && { atLeast: 150 },
  });
}

function isThere(program: string): boolean {
  const there = new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).outputSync();
  if (!there.success) console.log(`| ${program} is not installed | | | | |`);
  return there.success;
}

await withDirectory(async (dir) => {
  const keys = Array.from({ length: COUNT }, (_, i) => `key:${i * 7919 % COUNT}`);
  using region = MmapRegion.anonymous(1 << 25);
  using cache = SharedCache.open(region, { averageEntryByteLength: 108, pooled: true });
  for (const key of keys) cache.set(key, VALUE);
  using small = MmapRegion.anonymous(1 << 22);
  using full = SharedCache.open(small, { averageEntryByteLength: 108 });
  const get = (clock: () => number): Side =>
    each("SharedCache.get, pooled", clock, (i) => sum += cache.get(keys[i % COUNT]!)![0]!);
  const set = each("SharedCache.set", spent, (i) => full.set(`new ${i}`, VALUE));
  const now = (): number => performance.now() * 1e6;
  printHead();
  if (isThere("/usr/sbin/nginx")) await compareShared(dir, get(spent), set);
  if (isThere("redis-server")) await compareServer("Redis", `${dir}/redis`, get(now), dir);
  if (isThere("memcached")) await compareServer("memcached", `${dir}/memcached`, get(now), dir);
});
if (Number.isNaN(sum)) throw new Error("nothing was read");
