/** All consumers of a group at work in a Worker, which is terminated. */

import { join } from "@std/path";
import { QUIET_TURNS, setStage } from "./cell.ts";
import type { Consumer } from "./consumer.ts";
import type { Counts } from "./counts.ts";
import { Others } from "./others.ts";

/** What the Worker is told of each. */
export interface Task {
  readonly name: string;
  readonly dir: string;
  readonly path: string;
  readonly place: string;
}

/** Tries it. @returns what must never be */
export async function runTerminated(
  consumers: readonly Consumer[],
  dir: string,
  othersPath: string,
): Promise<string[]> {
  const tasks: Task[] = [];
  const peers = consumers.map((consumer, i) => {
    const own = join(dir, `${i}`);
    Deno.mkdirSync(own);
    const { path, peer } = setStage(consumer, own);
    tasks.push({ name: consumer.name, dir: own, path, place: peer?.place ?? "" });
    return peer;
  });
  const worker = new Worker(new URL("./_terminated_worker.ts", import.meta.url), {
    type: "module",
  });
  const told = (message: unknown) =>
    new Promise<string[]>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage(message);
    });
  const places = await told(tasks);
  places.forEach((place, i) => place === "" || peers[i]?.connect(place));
  await told("go");
  await Promise.all(peers.map((peer) => peer?.begun));
  worker.terminate();
  const others = consumers.map(({ byteLength }) => new Others(othersPath, byteLength));
  const counts = await Promise.all(peers.map(async (peer) => {
    peer?.go();
    await Promise.race([peer?.got, peer?.quiet(QUIET_TURNS)]);
    peer?.leave();
    return await peer?.got;
  }));
  const problems = others.flatMap((other) => other.close());
  return [...problems, ...counts.flatMap((count, i) => leaked(consumers[i]!, count))];
}

function leaked({ name }: Consumer, counts: Counts | undefined): string[] {
  return counts === undefined || counts.others === 0 ? [] : [`${name}: its peer got other data`];
}
