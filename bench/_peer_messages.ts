/** The sides of peers_bench.ts that send messages between two processes. */

import { ChannelPeer, echoing, PipePeer } from "./_channel_peer.ts";
import { bun } from "./_peer_files.ts";
import { compilePeer, Peer, peerPath, printed } from "./_programs.ts";
import { type Side, takeTurns } from "./_ratio.ts";
import { type Absence, LATENCY, OURS, type Outcome, outcomeOf, THROUGHPUT } from "./_peer_work.ts";

const BYTES = 64;

/** A ring of 1 MiB, as a Channel has by itself. */
const CAPACITY = 1 << 20;

/** Round trips, blocking and awaited, against what waits in the same way. */
export async function measureLatency(dir: string, rounds: number): Promise<Outcome> {
  const program = await compilePeer("hand_over", dir).catch(() => "gcc");
  await using blocking = new ChannelPeer("answer", "sync", { byteLength: BYTES });
  await using awaited = new ChannelPeer("answer", "await", { byteLength: BYTES });
  await using other = new Peer("echo", () => {});
  const echo = echoing(other, { byteLength: BYTES, times: 300 });
  const python = (kind: string, times: number): Side =>
    printed(`Python ${kind}`, "python3", [
      peerPath("channel_call.py"),
      kind,
      `${BYTES}`,
      `${times}`,
    ]);
  const outcome = await measure(LATENCY, [
    blocking.calling(OURS, "sync", 1_000),
    awaited.calling(`${OURS}, awaited`, "await", 300),
    echo,
    fork("Node", "node", "call", 500),
    fork("Bun", bun(), "call", 500),
    python("pipe", 1_000),
    python("queue", 500),
    { ...python("shared_memory", 50), name: "Python shared_memory, spinning" },
    printed("C, futex", program, ["block", "2000", `${BYTES}`]),
    printed("C, spinning", program, ["spin", "2000", `${BYTES}`]),
  ], rounds);
  echo.release();
  return outcome;
}

/** Messages one after the other. */
export async function measureThroughput(dir: string, rounds: number): Promise<Outcome> {
  const program = await compilePeer("channel_ring", dir).catch(() => "gcc");
  await using ours = new ChannelPeer("receive", "sync", { byteLength: BYTES });
  await using awaited = new ChannelPeer("receive", "await", { byteLength: BYTES });
  await using pipe = new PipePeer({ byteLength: BYTES, times: 2_000 });
  const python = (kind: string): Side =>
    printed(`Python ${kind}`, "python3", [peerPath("channel_queue.py"), kind, `${BYTES}`, "5000"]);
  return await measure(THROUGHPUT, [
    ours.sending(OURS, "sync", 50_000),
    awaited.sending(`${OURS}, awaited`, "await", 20_000),
    pipe.sending(),
    fork("Node", "node", "send", 5_000),
    fork("Bun", bun(), "send", 5_000),
    python("pipe"),
    python("queue"),
    printed("C, ring", program, ["throughput", `${BYTES}`, "200000", `${CAPACITY}`]),
  ], rounds);
}

function fork(name: string, command: string, what: string, times: number): Side {
  return printed(`${name} fork`, command, [
    peerPath("channel_fork.mjs"),
    what,
    `${BYTES}`,
    `${times}`,
  ]);
}

/** Who cannot do it once does not take part. */
async function measure(work: string, all: readonly Side[], rounds: number): Promise<Outcome> {
  const absent: Absence[] = [];
  const sides: Side[] = [];
  for (const side of all) {
    try {
      await side.measure();
      sides.push(side);
    } catch (error) {
      if (side === all[0]) throw error;
      absent.push({ peer: side.name, reason: String(error).split("\n")[0]! });
    }
  }
  const medians = await takeTurns(sides, rounds);
  return outcomeOf(work, sides.map(({ name }) => name), medians, absent);
}
