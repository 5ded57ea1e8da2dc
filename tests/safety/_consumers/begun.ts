/** When a consumer is at work. */

import type { Consumer } from "./consumer.ts";
import type { Peer } from "./peers.ts";
import { type AddressRange, isInKernel, otherThreadsRan } from "./system.ts";

/** More than threads need to look whether there is work. */
const AT_WORK_NS = 1e6;

/** A consumer's work. */
interface Work {
  /** Where the bytes are that it was given. */
  readonly range: AddressRange;
  /** How long other threads had run before. */
  readonly ran: number;
  isOver(): boolean;
}

/** Waits until a consumer is at work, or has done it. */
export async function waitUntilBegun(
  { begun }: Consumer,
  { ran, range, isOver }: Work,
  peer?: Peer,
): Promise<void> {
  if (begun === "peer") return await peer!.begun;
  const isAtWork = () => otherThreadsRan() > ran + AT_WORK_NS || isInKernel(range);
  do {
    await new Promise((resolve) => setTimeout(resolve));
  } while (begun === "thread" && !isOver() && !isAtWork());
}
