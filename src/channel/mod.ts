/**
 * Messages between processes and Workers, at the speed of memory.
 *
 * A {@linkcode Channel} is a queue in shared memory. It goes to another process by its handle, which
 * is plain text: through the environment, an argument, or a file.
 *
 * ```ts
 * import { Channel } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * using channel = Channel.create({ capacity: 65536 });
 * using receiver = Channel.attach(channel.handle());
 * channel.sendSync(new Uint8Array([1, 2, 3]));
 * assertEquals(await receiver.receive(), new Uint8Array([1, 2, 3]));
 * ```
 *
 * **Lost pages.** Once this process has lost a page of what lies here (its file was truncated under it,
 * its disk was full, or failed), every operation on it throws `MappingFaultError`, a call that waits too,
 * and nothing is given that was not sent. Others see this end as one that died; a server closes. Closing
 * throws nothing. `region.repair()` heals, once the file has its length again: the next call joins anew,
 * and a slot that was reserved, or a message that was peeked, is given up.
 *
 * Requires `--allow-ffi`.
 *
 * @module
 */

export { Broadcast, type BroadcastOptions } from "./broadcast.ts";
export { Channel } from "./channel.ts";
export type { Message } from "./consumer.ts";
export { Latest, type LatestOptions } from "./latest.ts";
export type { ChannelOptions, JoinOptions, ShapeOptions } from "./options.ts";
export type { PlaceOptions } from "./place.ts";
export {
  type RecordMessage,
  type RecordSlot,
  StructChannel,
  type StructChannels,
} from "./struct_channel.ts";
export type { ChannelStats } from "./stats.ts";
export type { Slot } from "./producer.ts";
export type { SubscribeOptions, Subscription } from "./subscription.ts";
export type { Values, ValuesOptions } from "./values.ts";
export { type ChannelProcess, type SpawnOptions, spawnWithChannel } from "./spawn.ts";
export { Client, connect, type ConnectOptions } from "./rpc/client.ts";
export { type Remote, serveObject } from "./rpc/object.ts";
export type { CallInfo, Handler } from "./rpc/session.ts";
export { serve, type ServeOptions, Server } from "./rpc/server.ts";
