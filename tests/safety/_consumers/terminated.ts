/** Cells whose consumer works in a Worker, which is terminated. */

import { type Cell, leftOf, type Seen, setStage, type Tools } from "./cell.ts";
import { Others } from "./others.ts";

/** What the Worker is told. */
export interface Task {
  readonly name: string;
  readonly dir: string;
  readonly path: string;
  readonly place: string;
  readonly atWork: boolean;
}

/** Tries one cell in a Worker. */
export async function runTerminated(cell: Cell, dir: string, tools: Tools): Promise<Seen> {
  const { consumer, time } = cell;
  const { path, peer } = setStage(cell, dir);
  const worker = new Worker(new URL("./_terminated_worker.ts", import.meta.url), {
    type: "module",
  });
  const messages = messagesOf(worker);
  const atWork = time === "at work";
  const { name } = consumer;
  const task: Task = { name, dir, path, place: peer?.place ?? "", atWork };
  worker.postMessage(task);
  const place = await messages();
  if (place !== "") peer?.connect(place);
  worker.postMessage("go");
  await messages();
  if (atWork && consumer.begun === "peer") await peer!.begun;
  worker.terminate();
  const others = new Others(tools.others, consumer.byteLength);
  peer?.go();
  const counts = await peer?.got;
  const problems = [...others.close(), ...await leftOf(path)];
  const leaked = (counts?.others ?? 0) + (consumer.fills === undefined ? counts?.fed ?? 0 : 0);
  if (leaked > 0) problems.push(`the peer got ${leaked} bytes of others`);
  return { got: "all", error: undefined, pending: true, problems };
}

/** Each call gives the next message. */
function messagesOf(worker: Worker): () => Promise<string> {
  const waiting: ((text: string) => void)[] = [];
  const come: Promise<string>[] = [];
  const expect = () => come.push(new Promise((resolve) => waiting.push(resolve)));
  for (let i = 0; i < 2; i++) expect();
  worker.onmessage = ({ data }) => waiting.shift()?.(data);
  return () => come.shift()!;
}
