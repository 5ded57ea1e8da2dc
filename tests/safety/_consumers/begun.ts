/** When a consumer is at work. */

import type { Lent } from "./cell.ts";
import type { Consumer } from "./consumer.ts";
import type { Peer } from "./peers.ts";
import { isInKernel, otherThreadsRan } from "./system.ts";

/** More than threads need to look whether there is work. */
const AT_WORK_NS = 1e6;

/** Waits until a consumer is at work, or has done it. */
export async function waitUntilBegun(
  { begun }: Consumer,
  { ran, range, isOver }: Lent,
  peer?: Peer,
): Promise<void> {
  if (begun === "peer") return await peer!.begun;
  const isAtWork = () => otherThreadsRan() > ran + AT_WORK_NS || isInKernel(range);
  do {
    await new Promise((resolve) => setTimeout(resolve));
  } while (begun === "thread" && !isOver() && !isAtWork());
}
