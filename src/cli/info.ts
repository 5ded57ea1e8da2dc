/** `mmap info` */

import { system } from "../os/mod.ts";
import type { SharedMemoryInfo } from "../os/system.ts";
import { MmapRegion } from "../region/mmap_region.ts";
import type { Command, Input } from "./command.ts";
import { formatExactSize, formatFields, formatJson, formatMode } from "./format.ts";
import { describeOwner } from "./ls.ts";
import { print } from "./output.ts";
import { Target } from "./target.ts";

/** Shows the facts about one object. */
export const info: Command = {
  name: "info",
  operands: "TARGET",
  summary: "tells what an object is, its size, and how much of it is in memory",
  run: runInfo,
};

/** The known facts about a target. */
interface Facts {
  readonly target: string;
  readonly kind: "file" | "anonymous" | "named";
  readonly byteLength: number;
  readonly path?: string;
  readonly byteOffset?: number;
  readonly device?: number;
  readonly inode?: string;
  readonly pageSize?: number;
  readonly pages?: number;
  readonly residentPages?: number;
  readonly object?: SharedMemoryInfo;
}

async function runInfo({ operands, json }: Input): Promise<number> {
  using target = new Target(operands[0]!);
  const facts = factsOf(target);
  await print(json ? jsonOf(facts) : textOf(facts));
  return 0;
}

function factsOf(target: Target): Facts {
  const { text, region, name, byteLength } = target;
  const found = objectNamed(name ?? region?.name);
  const object = found === undefined ? {} : { object: found };
  if (region === undefined) {
    return { target: text, kind: name === undefined ? "file" : "named", byteLength, ...object };
  }
  const { kind, path, byteOffset, device, inode } = region.handle();
  const { pageSize, pages, residentPages } = region.residency();
  return {
    target: text,
    kind,
    byteLength,
    ...(kind === "file" ? { path } : {}),
    byteOffset,
    device,
    inode,
    pageSize,
    pages,
    residentPages,
    ...object,
  };
}

function objectNamed(name: string | undefined): SharedMemoryInfo | undefined {
  if (!name || system().named.list === undefined) return undefined;
  return MmapRegion.list().find((object) => object.name === name);
}

function jsonOf({ object, ...facts }: Facts): string {
  return formatJson({ ...object, ...facts });
}

function textOf(facts: Facts): string {
  const { kind, path, byteOffset, byteLength, device, inode, object } = facts;
  const fields: Record<string, string> = { target: facts.target, kind };
  if (object !== undefined) fields.name = object.name;
  if (path !== undefined) fields.path = path;
  if (byteOffset) fields.offset = formatExactSize(byteOffset);
  fields.size = formatExactSize(byteLength);
  if (inode !== undefined) fields.inode = `${inode} on device ${device}`;
  if (facts.pages !== undefined) {
    fields.pages = `${facts.pages} of ${facts.pageSize} bytes, ${facts.residentPages} in memory`;
  }
  if (object !== undefined) Object.assign(fields, objectFields(object));
  return formatFields(fields);
}

function objectFields(object: SharedMemoryInfo): Record<string, string> {
  return {
    mode: formatMode(object.mode),
    uid: String(object.uid),
    ours: object.ours ? "yes" : "no",
    owner: describeOwner(object),
  };
}
