/**
 * Memory of a connection between processes that cannot open each other's descriptors, as in two
 * containers: a file beside that of the meeting place. The client creates it and sends the ending
 * of its name; the server removes the name as soon as it has opened the file.
 */

import { checkDenied, checkObjectDenied } from "../../object/permission.ts";
import { pathOfName } from "../../object/shared_memory.ts";
import { system } from "../../os/mod.ts";
import { mapFile } from "../../region/make.ts";
import { backingOf, MmapRegion, regionOver } from "../../region/mmap_region.ts";
import { planMap } from "../../region/plan.ts";

/** The path of a meeting place; undefined for anonymous memory. */
export function pathOfMeeting(region: MmapRegion): string | undefined {
  const backing = backingOf(region);
  const { kind, name, object } = backing.attributes;
  if (kind === "anonymous" || object === undefined) return undefined;
  if (kind === "named") return pathOfName(name);
  try {
    // Server and client may use different symbolic links.
    return system().objects.pathOf(object);
  } catch {
    return backing.live("connect to server").request.subject; // no /proc
  }
}

/** The text in an offer instead of a handle: the ending, and the client's process. */
const TEXT = /^beside:([0-9a-f]{16}) ([0-9]{1,10})$/;

/** The new memory, and the text to offer. */
interface Beside {
  readonly region: MmapRegion;
  readonly text: string;
}

/** Creates the memory, as the client; accessible to its own user only. */
export function makeBeside(meetingPath: string, byteLength: number): Beside {
  const ending = crypto.randomUUID().replaceAll("-", "").slice(-16);
  const region = MmapRegion.open(`${meetingPath}.${ending}`, {
    access: "read-write",
    createNew: true,
    byteLength,
    mode: 0o600,
  });
  return { region, text: `beside:${ending} ${Deno.pid}` };
}

/** The content of an offer; undefined if it is a handle or anything else. */
export function readBeside(text: string): { ending: string; pid: number } | undefined {
  const [, ending, pid] = text.match(TEXT) ?? [];
  return ending === undefined ? undefined : { ending, pid: Number(pid) };
}

/**
 * Opens the memory, as the server. A client chooses only the ending, and symbolic links are not
 * followed.
 */
export function openBeside(path: string): MmapRegion {
  const limited = checkDenied(path, true);
  const { objects } = system();
  const object = objects.open(path, { writable: true, linksRefused: true });
  try {
    if (limited) checkObjectDenied(object, true);
    const status = objects.status(object);
    if (status.type !== "file") throw new Deno.errors.InvalidData(`'${path}' is no file`);
    const { byteLength } = status;
    const plan = planMap({}, "accept client", "read-write");
    const nature = objects.nature(object, status);
    return regionOver(mapFile({ plan, byteLength, object, subject: path, kind: "file", nature }));
  } catch (error) {
    objects.close(object);
    throw error;
  }
}

/** Removes the name of memory that was created or opened. Silent if it is removed already. */
export function removeBeside(region: MmapRegion): void {
  const backing = backingOf(region);
  if (backing.closed) return;
  const { subject } = backing.live("connect to server").request;
  system().objects.remove(subject!, backing.attributes.object!);
}
