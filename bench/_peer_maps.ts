/** The sides of peers_bench.ts that are maps which processes share. */

import { Asked } from "./_asked.ts";
import { peerPath } from "./_programs.ts";
import { type Side, takeTurns } from "./_ratio.ts";
import { type Absence, OURS, type Outcome, outcomeOf } from "./_peer_work.ts";

interface MapPeer {
  readonly name: string;
  /** One of the sides of peers/maps.mjs. */
  readonly side: string;
  readonly runtime: "deno" | "node";
  /** What serves it: started with the path of its socket. */
  readonly server?: (socket: string) => [command: string, ...args: string[]];
  /** How to get what it needs. */
  readonly needs?: string;
}

const PEERS: readonly MapPeer[] = [
  { name: OURS, side: "SharedMap", runtime: "deno" },
  { name: "Map and slice, one thread", side: "Map", runtime: "deno" },
  {
    name: "LMDB (Node, no sync)",
    side: "lmdb",
    runtime: "node",
    needs: "npm install --no-save --no-package-lock --prefix bench/peers lmdb",
  },
  { name: "node:sqlite (WAL, no sync)", side: "sqlite", runtime: "deno" },
  { name: "Deno KV", side: "Deno KV", runtime: "deno" },
  {
    name: "Redis, Unix socket",
    side: "Redis",
    runtime: "deno",
    server: (socket) => ["redis-server", "--port", "0", "--unixsocket", socket, "--save", ""],
    needs: "redis-server of Debian",
  },
  {
    name: "memcached, Unix socket",
    side: "memcached",
    runtime: "deno",
    server: (socket) => ["memcached", "-u", "root", "-m", "256", "-s", socket],
    needs: "memcached of Debian",
  },
];

const WORKS = [
  { name: "get", title: "get 100 B, 100,000 keys", times: 20_000 },
  { name: "set", title: "set 100 B, 100,000 keys", times: 20_000 },
];

/** How often those are asked that take a system call or more. */
const FEWER = 20;

/** Starts all that are there, and lets them take turns. */
export async function measureMaps(dir: string, rounds: number): Promise<Outcome[]> {
  await using stack = new AsyncDisposableStack();
  const absent: Absence[] = [];
  const running: { asked: Asked; slow: boolean }[] = [];
  for (const peer of PEERS) {
    try {
      const asked = await start(peer, dir, stack);
      await asked.answer("get 1");
      running.push({ asked, slow: peer.server !== undefined || peer.name === "Deno KV" });
    } catch (error) {
      if (peer.name === OURS) throw error;
      const [message] = String(error).split("\n");
      absent.push({ peer: peer.name, reason: `it needs ${peer.needs ?? "Deno"} (${message})` });
    }
  }
  const outcomes: Outcome[] = [];
  for (const { name, title, times } of WORKS) {
    const sides = running.map(({ asked, slow }): Side => {
      const count = slow ? times / FEWER : times;
      return {
        name: asked.name,
        measure: async () => Number((await asked.answer(`${name} ${count}`)).split(" ")[0]) / count,
      };
    });
    const medians = await takeTurns(sides, rounds);
    outcomes.push(outcomeOf(title, sides.map(({ name }) => name), medians, absent));
  }
  return outcomes;
}

async function start(peer: MapPeer, dir: string, stack: AsyncDisposableStack): Promise<Asked> {
  const own = `${dir}/${peer.side.replace(/\W/g, "_")}`;
  await Deno.mkdir(own);
  if (peer.server !== undefined) {
    const [command, ...args] = peer.server(`${own}/socket`);
    const server = new Deno.Command(command, { args, cwd: own, stdout: "null", stderr: "null" })
      .spawn();
    stack.defer(async () => {
      server.kill("SIGKILL");
      await server.status;
    });
    await isThere(`${own}/socket`);
  }
  const runtime = peer.runtime === "node"
    ? ["node"]
    : [Deno.execPath(), "run", "-A", "--no-check", "--unstable-kv"];
  const [program, ...args] = [
    ...runtime,
    peerPath("maps.mjs"),
    peer.side,
    peer.server === undefined ? own : `${own}/socket`,
  ];
  return stack.use(new Asked(peer.name, program!, args));
}

/** Waits until a server listens. @throws {Error} After five seconds. */
async function isThere(path: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      (await Deno.connect({ transport: "unix", path })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`nobody listens at ${path}`);
}
