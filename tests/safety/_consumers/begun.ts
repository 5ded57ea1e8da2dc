/** When a consumer is at work. */

import type { Consumer } from "./consumer.ts";
import type { Peer } from "./peers.ts";
import { type AddressRange, isInKernel, otherThreadsRan } from "./system.ts";

/** What is known of a consumer that was handed bytes. */
export interface Work {
  readonly peer: Peer | undefined;
  /** How long other threads had run before. */
  readonly ran: number;
  readonly range: AddressRange;
  isOver(): boolean;
}

/** More than threads need to look whether there is work. */
const AT_WORK_NS = 1e6;

/** Waits until a consumer is at work, or has done it. */
export async function waitUntilBegun({ begun }: Consumer, work: Work): Promise<void> {
  const { peer, ran, range, isOver } = work;
  if (begun === "peer") return await peer!.begun;
  do {
    await new Promise((resolve) => setTimeout(resolve));
  } while (
    begun === "thread" && !isOver() && otherThreadsRan() < ran + AT_WORK_NS && !isInKernel(range)
  );
}
