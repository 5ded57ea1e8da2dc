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
 * Requires `--allow-ffi`.
 *
 * @module
 */

export { Broadcast, type BroadcastOptions } from "./broadcast.ts";
export { Channel } from "./channel.ts";
export type { Message } from "./consumer.ts";
export { Latest, type LatestOptions } from "./latest.ts";
export type { ChannelOptions, JoinOptions, ShapeOptions, Sharers } from "./options.ts";
export type { PlaceOptions } from "./place.ts";
export {
  type Carrier,
  type RecordMessage,
  type RecordSlot,
  StructChannel,
  type StructChannels,
} from "./struct_channel.ts";
export type { ChannelStats } from "./stats.ts";
export type { Slot } from "./producer.ts";
export type { SubscribeOptions, Subscription } from "./subscription.ts";
export type { Values, ValuesOptions } from "./values.ts";
export type { WaitMode } from "./waiting.ts";
export { type ChannelProcess, type SpawnOptions, spawnWithChannel } from "./spawn.ts";
export { Client, connect, type ConnectOptions } from "./rpc/client.ts";
export { type Remote, serveObject } from "./rpc/object.ts";
export type { CallInfo, Handler } from "./rpc/session.ts";
export { serve, type ServeOptions, Server } from "./rpc/server.ts";
