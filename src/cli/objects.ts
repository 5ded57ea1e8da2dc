/** The objects that processes map and share, each opened to look at it. */

import { MmapRegion } from "../region/mmap_region.ts";
import { system } from "../os/mod.ts";
import type { SeenMapping, WayTo } from "../os/system.ts";
import { inspectAll, type Inspected } from "./kinds/inspection.ts";
import { lookAround, type Scene } from "./kinds/peers.ts";

/** An object that is mapped. */
export interface MappedObject {
  /** Its path, or its label. */
  readonly path: string;
  /** The processes that map it. */
  readonly pids: readonly number[];
  /** Undefined if it cannot be opened. */
  readonly found: Inspected | undefined;
}

/** @throws {Deno.errors.NotSupported} If this system does not show other processes. */
export async function sceneNow(action: string): Promise<Scene> {
  const scene = await lookAround();
  if (scene !== undefined) return scene;
  throw new Deno.errors.NotSupported(
    `Cannot ${action}: this system does not show what other processes map`,
  );
}

/** What some processes map and share; not what this one has opened only to look at it. */
export async function objectsOf(scene: Scene, pids: readonly number[]): Promise<MappedObject[]> {
  const wanted = new Set(pids);
  const shared = scene.mappings.filter(({ shared, pid }) => shared && pid !== Deno.pid);
  const byObject = Map.groupBy(shared, ({ object }) => object);
  const objects: MappedObject[] = [];
  for (const mappings of byObject.values()) {
    const users = [...new Set(mappings.map(({ pid }) => pid))];
    if (!users.some((pid) => wanted.has(pid))) continue;
    const { path } = mappings[0]!;
    objects.push({ path, pids: users, found: await inspectObject(scene, mappings) });
  }
  return objects;
}

async function inspectObject(
  scene: Scene,
  mappings: readonly SeenMapping[],
): Promise<Inspected | undefined> {
  const way = mappings.map((mapping) => scene.observing.wayTo(mapping))
    .find((way) => way !== undefined);
  if (way === undefined) return undefined;
  try {
    using region = openBy(way);
    return await inspectAll(region, { scene, leftOut: Deno.pid });
  } catch {
    // It is another user's, denied to this program, or cannot be mapped by now.
    return undefined;
  }
}

function openBy(way: WayTo): MmapRegion {
  if ("path" in way) return MmapRegion.open(way.path);
  const { name } = system();
  const whole = { kind: "anonymous", access: "read", path: "", byteOffset: 0 } as const;
  return MmapRegion.attach({ version: 2, system: name, ...whole, ...way.memory });
}

/** The name for people: the last part of a path, the label of memory without one. */
export function nameOf(path: string): string {
  return path.replace(/ \(deleted\)$/, "").replace(/^.*[\\/]/, "").replace(/^[a-z]+:/, "") || path;
}
