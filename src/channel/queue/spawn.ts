/** A child process and a channel to it. */

import { checkOptions, type Names } from "../../check/options.ts";
import { Channel } from "./channel.ts";
import { SHAPE, type ShapeOptions } from "./options.ts";

/** Options of {@linkcode spawnWithChannel}: those of `Deno.Command`, and of the channel. */
export interface SpawnOptions extends Omit<Deno.CommandOptions, "args"> {
  /**
   * The channel's shape.
   * @default {{ capacity: 1048576 }}
   */
  channel?: ShapeOptions;
  /**
   * The environment variable with the channel's handle.
   * @default {"MMAP_CHANNEL"}
   */
  variable?: string;
}

/**
 * The result of {@linkcode spawnWithChannel}. Disposing it closes the channel and kills the child.
 */
export interface ChannelProcess extends Disposable {
  /** The parent's end: if the parent sends, the child receives, and the reverse. */
  readonly channel: Channel;
  /** The child. */
  readonly process: Deno.ChildProcess;
}

const ACTION = "spawn with channel";
const DEFAULT_CAPACITY = 1 << 20;

const SPAWN: Names<SpawnOptions> = {
  channel: true,
  variable: true,
  cwd: true,
  clearEnv: true,
  env: true,
  uid: true,
  gid: true,
  signal: true,
  stdin: true,
  stdout: true,
  stderr: true,
  detached: true,
  windowsRawArguments: true,
};

/**
 * Starts a program with a new channel in its environment; a Deno program opens it with
 * `Channel.fromEnv()`.
 *
 * Requires `--allow-run`.
 *
 * @param command the program to start
 * @param args its arguments
 * @throws {TypeError} If an option is unknown.
 * @throws {Deno.errors.NotFound} If there is no such program.
 *
 * @example
 * ```ts
 * import { spawnWithChannel } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * using child = spawnWithChannel("true");
 * assertEquals(child.channel.capacity, 1048576);
 * assertEquals((await child.process.status).code, 0);
 * ```
 */
export function spawnWithChannel(
  command: string | URL,
  args: string[] = [],
  options: SpawnOptions = {},
): ChannelProcess {
  checkOptions(options, SPAWN, ACTION);
  const { channel: shape = {}, variable, ...rest } = options;
  checkOptions(shape, SHAPE, ACTION, "options of the channel");
  const channel = Channel.create({ ...shape, capacity: shape.capacity ?? DEFAULT_CAPACITY });
  try {
    const env = { ...rest.env, ...channel.env(variable) };
    const process = new Deno.Command(command, { ...rest, args, env }).spawn();
    return { channel, process, [Symbol.dispose]: () => end(channel, process) };
  } catch (error) {
    channel.close();
    throw error;
  }
}

function end(channel: Channel, process: Deno.ChildProcess): void {
  channel.close();
  try {
    process.kill();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended
  }
}
