/** `mmap inspect` */

import { system } from "../os/mod.ts";
import type { SharedMemoryInfo } from "../os/system.ts";
import { MmapRegion } from "../region/mmap_region.ts";
import type { Command, Input } from "./command.ts";
import { formatExactSize, formatFields, formatJson, formatMode } from "./format.ts";
import { inspectAll, type Inspected } from "./kinds/inspection.ts";
import { lookAround } from "./kinds/peers.ts";
import { describeOwner } from "./ls.ts";
import { print } from "./output.ts";
import { Target } from "./target.ts";

const DEFAULT_FULL = 90;

/** Shows what an object is. */
export const inspect: Command = {
  name: "inspect",
  aliases: ["info"],
  operands: "TARGET",
  summary: "tells what an object is, how full, who uses it, who holds its locks and who waits",
  details: "All figures are about now. It only reads: it takes no lock and changes nothing.\n" +
    "Locks in memory of another kind are found while somebody holds them. Processes are seen\n" +
    "where the system shows them, and who waits by the same user or root.",
  options: {
    once: { help: "look once, which is what it does" },
    check: {
      help: "for monitoring: exit with 3 if a holder is dead, something is damaged, or it is full",
    },
    full: {
      value: "PERCENT",
      help: `with --check: of a channel or map, how full is too full (default ${DEFAULT_FULL})`,
    },
  },
  run: runInspect,
};

/** The exit code of `--check` that says that something is wrong. */
const WRONG = 3;

/** The known facts about the object. */
interface Facts {
  readonly target: string;
  /** How the memory is reached. */
  readonly memory: "file" | "anonymous" | "named";
  readonly byteLength: number;
  readonly path?: string;
  readonly byteOffset?: number;
  readonly device?: number;
  readonly inode?: string;
  readonly pageSize?: number;
  readonly pages?: number;
  /** Null if they cannot be seen. */
  readonly residentPages?: number | null;
  readonly object?: SharedMemoryInfo;
}

async function runInspect(input: Input): Promise<number> {
  const limit = fullLimit(input);
  using target = new Target(input.operands[0]!);
  const facts = factsOf(target);
  const found = await look(target, limit);
  await print(input.json ? jsonOf(facts, found) : textOf(facts, found));
  return input.values.check === true && found.inspection.problems.length > 0 ? WRONG : 0;
}

/** The share from which on something is too full; undefined if that is not asked. */
function fullLimit({ values: { full, check }, usageError }: Input): number | undefined {
  if (full !== undefined && check !== true) throw usageError("--full needs --check");
  if (typeof full !== "string") return check === true ? DEFAULT_FULL / 100 : undefined;
  const percent = /^\d+$/.test(full) ? Number(full) : NaN;
  if (percent <= 100) return percent / 100;
  throw usageError(`--full must be a number from 0 to 100, not '${full}'`);
}

/** Of an object that cannot be mapped yet. */
const EMPTY: Inspected = {
  inspection: {
    kind: "region",
    version: null,
    byteLength: 0,
    mappedBy: null,
    locks: [],
    problems: [],
  },
  lines: {},
  tables: [],
  asleep: [],
};

async function look({ region }: Target, limit: number | undefined): Promise<Inspected> {
  if (region === undefined) return EMPTY;
  const found = await inspectAll(region, { scene: await lookAround(), leftOut: Deno.pid });
  const { full = 0, inspection } = found;
  if (limit === undefined || full <= limit) return found;
  const problem = `it is ${Math.round(100 * full)} % full`;
  return { ...found, inspection: { ...inspection, problems: [...inspection.problems, problem] } };
}

function factsOf(target: Target): Facts {
  const { text, region, name, byteLength } = target;
  const found = objectNamed(name ?? region?.name);
  const object = found === undefined ? {} : { object: found };
  if (region === undefined) {
    return { target: text, memory: name === undefined ? "file" : "named", byteLength, ...object };
  }
  const { kind: memory, path, byteOffset, device, inode } = region.handle();
  const { pageSize, pages, residentPages } = region.residency();
  return {
    target: text,
    memory,
    byteLength,
    ...(memory === "file" ? { path } : {}),
    byteOffset,
    device,
    inode,
    pageSize,
    pages,
    residentPages: system().memory.showsOwnPagesOnly === true ? null : residentPages,
    ...object,
  };
}

function objectNamed(name: string | undefined): SharedMemoryInfo | undefined {
  if (!name || system().named.list === undefined) return undefined;
  return MmapRegion.list().find((object) => object.name === name);
}

function jsonOf({ object, ...facts }: Facts, { inspection }: Inspected): string {
  const { target, ...more } = facts;
  return formatJson({ target, ...inspection, ...object, ...more });
}

function textOf(facts: Facts, { inspection, lines, tables }: Inspected): string {
  const { kind, version, problems } = inspection;
  const fields: Record<string, string> = {
    target: facts.target,
    kind: version === null ? kind : `${kind}, version ${version}`,
    size: formatExactSize(facts.byteLength),
    ...lines,
  };
  if (problems.length > 0) fields.PROBLEMS = problems.join("; ");
  Object.assign(fields, memoryFields(facts));
  const shown = Object.entries(fields).filter(([, value]) => value !== "");
  return formatFields(Object.fromEntries(shown)) + tables.map((table) => `\n${table}`).join("");
}

function memoryFields(facts: Facts): Record<string, string> {
  const { memory, path, byteOffset, device, inode, object } = facts;
  const fields: Record<string, string> = { memory };
  if (object !== undefined) fields.name = object.name;
  if (path !== undefined) fields.path = path;
  if (byteOffset) fields.offset = formatExactSize(byteOffset);
  if (inode !== undefined) fields.inode = `${inode} on device ${device}`;
  if (facts.pages !== undefined) {
    const { residentPages } = facts;
    const resident = residentPages === null ? "" : `, ${residentPages} in memory`;
    fields.pages = `${facts.pages} of ${facts.pageSize} bytes${resident}`;
  }
  if (object !== undefined) Object.assign(fields, objectFields(object));
  return fields;
}

function objectFields(object: SharedMemoryInfo): Record<string, string> {
  return {
    mode: formatMode(object.mode),
    uid: String(object.uid),
    ours: object.ours ? "yes" : "no",
    owner: describeOwner(object),
  };
}
