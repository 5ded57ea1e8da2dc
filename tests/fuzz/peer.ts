/**
 * Another process that maps the same object: attaches, writes, answers, and waits to be killed.
 * Without a handle it makes a named object and is its owner.
 */

import { formatHandle, MmapRegion, type RegionHandle } from "@mmap/mmap";

/** What a peer is told, as one line of JSON. */
export interface PeerTask {
  readonly handle?: RegionHandle;
  readonly name?: string;
  readonly byteLength?: number;
  readonly at: number;
  readonly bytes: number[];
}

const kept: MmapRegion[] = [];

function perform(task: PeerTask): string {
  const region = task.handle === undefined
    ? MmapRegion.named(task.name!, { createNew: true, byteLength: task.byteLength! })
    : MmapRegion.attach(task.handle);
  kept.push(region);
  region.bytes.set(task.bytes, task.at);
  return formatHandle(region.handle());
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const chunk of lines) {
  rest += chunk;
  const end = rest.indexOf("\n");
  if (end === -1) continue;
  const task: PeerTask = JSON.parse(rest.slice(0, end));
  rest = rest.slice(end + 1);
  let answer: string;
  try {
    answer = perform(task);
  } catch (error) {
    answer = `error ${error}`;
  }
  console.log(answer);
}
