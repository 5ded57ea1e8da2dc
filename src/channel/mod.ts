/**
 * Messages between processes and Workers, at the speed of memory.
 *
 * A {@linkcode Channel} is a queue in shared memory. Another process gets it by its handle, which is
 * plain text: through the environment, an argument, or a file.
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
 * **Lost pages.** Once this process has lost a page of what lies here (its file was truncated, or
 * its disk was full or failed), every operation on it throws `MappingFaultError`, including calls
 * that wait. No message is received that was not sent. Others see this end as dead, and a server
 * closes. Closing throws nothing. `region.repair()` heals, once the file has its length again: the
 * next call joins again, and a reserved slot or a peeked message is given up.
 *
 * Requires `--allow-ffi`.
 *
 * @module
 */

export { Broadcast, type BroadcastOptions } from "./broadcast/broadcast.ts";
export type { BroadcastStats } from "./broadcast/broadcast_reader.ts";
export { Channel } from "./queue/channel.ts";
export type { Message } from "./queue/message.ts";
export { Latest, type LatestOptions, type LatestStats } from "./latest/latest.ts";
export type { JoinOptions } from "./options.ts";
export type { ChannelOptions, ShapeOptions } from "./queue/options.ts";
export type { PlaceOptions } from "./place.ts";
export {
  type RecordMessage,
  type RecordSlot,
  StructChannel,
  type StructChannels,
} from "./queue/struct_channel.ts";
export type { ChannelStats } from "./queue/stats.ts";
export type { Slot } from "./queue/slot.ts";
export type { SubscribeOptions, Subscription } from "./broadcast/subscription.ts";
export type { Values, ValuesOptions } from "./queue/values.ts";
export { type ChannelProcess, type SpawnOptions, spawnWithChannel } from "./queue/spawn.ts";
export type { ClientStats } from "./calls/caller.ts";
export { Client, connect, type ConnectOptions } from "./calls/client.ts";
export { type Remote, serveObject } from "./calls/object.ts";
export type { CallInfo, Handler } from "./calls/session.ts";
export { serve, type ServeOptions, Server, type ServerStats } from "./calls/server.ts";
