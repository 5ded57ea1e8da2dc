/**
 * `sendRegion` and `receiveRegion`, for processes that may not read each other's /proc; `share` and
 * `received`, for Workers.
 */

import { callable, checkOptions, type Names } from "../check/options.ts";
import type { RegionHandle } from "../object/handle.ts";
import { checkSize } from "../object/open_handle.ts";
import { checkObjectDenied } from "../object/permission.ts";
import { pathOf } from "../object/path.ts";
import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";
import { attachRegion } from "./make.ts";
import { backingOf } from "./mmap_region.ts";
import { type MmapRegion, regionOver } from "./mmap_region.ts";
import type { MapOptions } from "./options.ts";
import type { PassOptions } from "./pass.ts";
import { MAP, planAttach, planMap } from "./plan.ts";

const PASS: Names<PassOptions> = { timeoutMs: true, signal: true };
const RECEIVE: Names<PassOptions & MapOptions> = { ...PASS, ...MAP };

/** Loaded on demand: few programs need it, and it would delay the start of all others. */
function loadPass(): Promise<typeof import("./pass.ts")> {
  return import("./pass.ts");
}

/**
 * Gives a region to one process over a Unix socket (`SCM_RIGHTS`): makes the socket, waits until
 * {@linkcode receiveRegion} connects to it, and removes it again. Only processes of the same user
 * can connect. Windows: over a named pipe.
 *
 * @param region what to give; its handle says what the receiver may do with it
 * @param socketPath the path of the new socket: at most 107 bytes, and nothing may exist there.
 * Windows: a pipe's name, or a path that gives it one: at most 242 characters from the drive on
 * @returns once the region was given
 * @throws {Deno.errors.AddrInUse} EADDRINUSE: something exists at that path.
 * @throws {Deno.errors.TimedOut} If no process connected.
 * @throws {Deno.errors.NotSupported} If the region is private memory.
 * @throws {Deno.errors.PermissionDenied} EACCES: no socket may be made there. Windows: this process has
 * no right to open the receiver's.
 * @throws {RangeError} If the path is too long.
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 *
 * @example
 * ```ts
 * import { MmapRegion, receiveRegion, sendRegion } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const socketPath = `${directory}/region.sock`;
 * using region = MmapRegion.anonymous(4096);
 * region.bytes[0] = 7;
 * const [, received] = await Promise.all([
 *   sendRegion(region, socketPath),
 *   receiveRegion(socketPath), // in any process
 * ]);
 * using other = received;
 * assertEquals(other.bytes[0], 7);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function sendRegion(
  region: MmapRegion,
  socketPath: string | URL,
  options: PassOptions = {},
): Promise<void> {
  const path = pathOf(socketPath);
  checkOptions(options, PASS, "send region");
  const handle = region.handle();
  const backing = backingOf(region);
  // The object must not be closed, and its number reused, before it is sent.
  await backing.live("send region").whilePinned(async () => {
    const { sendObject } = await loadPass();
    await sendObject(handle, backing.attributes.object!, path, options);
  });
}

/**
 * Receives a region from {@linkcode sendRegion}, and waits for it if necessary.
 *
 * @param socketPath the path of the sender's socket; Windows: the same, or its pipe's name
 * @param options how long to wait, and how to map: as `MmapRegion.attach`
 * @throws {TypeError} If an option is unknown or of another type; if anything but a region arrived.
 * @throws {RangeError} If the object has become shorter, or the range lies outside of the region.
 * @throws {Deno.errors.TimedOut} If no region arrived.
 * @throws {Deno.errors.PermissionDenied} EACCES: another user's socket; or the handle does not grant
 * the access asked for.
 * @throws {Deno.errors.NotCapable} If the program runs with that file denied.
 */
export async function receiveRegion(
  socketPath: string | URL,
  options: PassOptions & MapOptions = {},
): Promise<MmapRegion> {
  const path = pathOf(socketPath);
  checkOptions(options, RECEIVE, "receive region");
  const { timeoutMs, signal, ...mapping } = options;
  planMap(mapping, "receive region", "read"); // wrong options fail before a region is received
  const { receiveObject } = await loadPass();
  const patience = { timeoutMs, signal } as PassOptions;
  const { handle, object } = await receiveObject(path, patience);
  let taken = false;
  const { objects } = system();
  const take = (): OpenObject => {
    taken = true; // from here on, attachRegion closes it on failure
    return object;
  };
  try {
    const plan = planAttach(mapping, handle.access);
    checkObjectDenied(object, plan.access === "read-write");
    checkSize(handle, objects.status(object));
    return regionOver(attachRegion(handle, plan, take));
  } catch (error) {
    if (!taken) objects.close(object);
    throw error;
  }
}

/** What {@linkcode share} can post: a region, a channel, a server, and whatever else has a handle. */
export interface Shareable {
  /** What another isolate needs to attach to it. */
  handle(): RegionHandle;
}

/** What {@linkcode received} makes an object with: a class such as `MmapRegion` or `Channel`. */
export interface Attachable {
  /** Attaches to what has that handle. */
  attach(handle: RegionHandle): unknown;
}

/** The objects of {@linkcode received}, by their names. */
export type Received<T extends Readonly<Record<string, Attachable>>> = {
  [Name in keyof T]: ReturnType<T[Name]["attach"]>;
};

/** The property of a message that holds the handles. */
const SHARED = "@mmap/mmap shared";

/**
 * Posts regions, channels and the like to a Worker, which gets them with {@linkcode received}.
 * Posting them without this gives the Worker empty objects. Keep them open until it has them.
 *
 * @param target a Worker, a `MessagePort`, or a Worker's own `self`
 * @param objects each by a name
 * @throws {TypeError} If one of them has no `handle()`.
 * @throws what `handle()` throws, such as `Deno.errors.NotSupported` for private memory
 *
 * @example In the Worker: `self.onmessage = (event) => received(event, { region: MmapRegion, … })`
 * ```ts
 * import { MmapRegion, received, share } from "@mmap/mmap";
 * import { Channel } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * using jobs = Channel.create({ capacity: 4096 });
 * region.bytes[0] = 7;
 * const { port1, port2 } = new MessageChannel(); // or a Worker
 * const got = new Promise<MessageEvent>((resolve) => port2.onmessage = resolve);
 * share(port1, { region, jobs });
 *
 * const other = received(await got, { region: MmapRegion, jobs: Channel });
 * assertEquals(other.region.bytes[0], 7);
 * jobs.sendSync(new Uint8Array([1]));
 * assertEquals(other.jobs.receiveSync(), new Uint8Array([1]));
 * other.jobs.close();
 * other.region.close();
 * port1.close();
 * ```
 */
export function share(
  target: { postMessage(message: unknown): void },
  objects: Readonly<Record<string, Shareable>>,
): void {
  const handles = Object.entries(objects).map(([name, object]) => {
    callable(object?.handle, `handle() of '${name}'`, "share objects");
    return [name, object.handle()];
  });
  target.postMessage({ [SHARED]: Object.fromEntries(handles) });
}

/**
 * Attaches to what {@linkcode share} has posted. If one cannot be attached to, none is.
 *
 * @param event the event of the message
 * @param kinds what each is: a class, or anything else with `attach`, such as a layout of `layOut`,
 * and `{ attach: connect }` for a server
 * @throws {TypeError} If the message is not of `share`, or has no object of a name.
 * @throws what `attach` throws
 */
export function received<const T extends Readonly<Record<string, Attachable>>>(
  event: { readonly data: unknown },
  kinds: T,
): Received<T> {
  const { data } = event;
  const handles = typeof data === "object" && data !== null && SHARED in data
    ? data[SHARED] as Record<string, RegionHandle>
    : undefined;
  const action = "receive objects";
  if (handles === undefined) {
    throw new TypeError(`Cannot ${action} as the message is none that share() has posted`);
  }
  const attached: Record<string, unknown> = {};
  try {
    for (const [name, kind] of Object.entries(kinds)) {
      callable(kind?.attach, `attach() of '${name}'`, action);
      const handle = Object.hasOwn(handles, name) ? handles[name] : undefined;
      if (handle === undefined) {
        throw new TypeError(`Cannot ${action} as nothing was shared by the name '${name}'`);
      }
      attached[name] = kind.attach(handle);
    }
  } catch (error) {
    for (const object of Object.values(attached)) (object as { close?(): void }).close?.();
    throw error;
  }
  return attached as Received<T>;
}
