/** Turns options into the numbers of the system calls: reads each option once and checks it. */

import { checkOptions, choice, flag, type Names, optionalFlag, text } from "../check/options.ts";
import { optionalNumber, wholeNumber } from "../check/numbers.ts";
import type { Access } from "../object/handle.ts";
import { system } from "../os/mod.ts";
import type { Protection } from "../os/system.ts";
import type {
  AnonymousOptions,
  MapOptions,
  MemoryOptions,
  NamedOptions,
  OpenRegionOptions,
  StrayWriteOptions,
} from "./options.ts";

const MEMORY: Names<MemoryOptions> = {
  populate: true,
  lock: true,
  reserve: true,
  hugePages: true,
  guard: true,
};

/** The options of {@linkcode planMap}. */
export const MAP: Names<MapOptions> = {
  ...MEMORY,
  access: true,
  byteOffset: true,
  byteLength: true,
  executable: true,
  address: true,
  flags: true,
  onStrayWrite: true,
};

const CREATION = { create: true, createNew: true, mode: true } as const;

const OPEN: Names<OpenRegionOptions> = { ...MAP, ...CREATION, truncate: true, allocate: true };

const NAMED: Names<NamedOptions> = {
  ...MEMORY,
  ...CREATION,
  access: true,
  byteLength: true,
  unlinkOnClose: true,
  onStrayWrite: true,
};

const ANONYMOUS: Names<AnonymousOptions> = {
  ...MEMORY,
  sharing: true,
  label: true,
  seal: true,
  resizable: true,
};

/** Checked {@linkcode MemoryOptions}. */
interface MemoryPlan {
  /** Whether the system reserves memory for what will be written. */
  readonly reserve: boolean;
  readonly populate: boolean;
  readonly lock: boolean;
  /** Undefined: only for a new file, which will be filled. */
  readonly hugePages: boolean | undefined;
  readonly guard: boolean;
  /** How many bytes of addresses to hold for growing; 0 for none. */
  readonly reserved: number;
}

/** Checked {@linkcode MapOptions}. */
export interface MapPlan extends MemoryPlan {
  readonly access: Access;
  readonly byteOffset: number;
  readonly byteLength: number | undefined;
  readonly protection: Protection;
  /** Further flags of the system's own call. */
  readonly flags: number;
  readonly address: bigint;
  readonly onStrayWrite: StrayWrites;
}

/** The values of `onStrayWrite`. */
export type StrayWrites = NonNullable<StrayWriteOptions["onStrayWrite"]>;

function strayWrites(options: StrayWriteOptions, action: string): StrayWrites {
  const choices = ["ignore", "warn", "throw"] as const;
  return choice(options.onStrayWrite, choices, "onStrayWrite", action) ?? "warn";
}

/** Checked {@linkcode OpenRegionOptions}. */
export interface OpenPlan extends MapPlan {
  readonly create: boolean;
  readonly createNew: boolean;
  readonly truncate: boolean;
  readonly mode: number;
  readonly allocate: boolean;
}

/** Checked {@linkcode AnonymousOptions}. */
export interface AnonymousPlan extends MapPlan {
  readonly byteLength: number;
  readonly shared: boolean;
  readonly label: string;
  readonly sealWrite: boolean;
  readonly resizable: boolean;
}

const ACCESSES: readonly Access[] = ["read", "read-write", "copy-on-write"];

/** The options of all memory, each read once. */
function readMemory(options: MemoryOptions, action: string): MemoryPlan {
  const { reserve } = options;
  const reserved = typeof reserve === "number" ? wholeNumber(reserve, "reserve", action, 1) : 0;
  const noReserve = reserved > 0 || !flag(reserved > 0 ? true : reserve, "reserve", action, true);
  return {
    reserve: !noReserve,
    populate: flag(options.populate, "populate", action, false),
    lock: flag(options.lock, "lock", action, false),
    hugePages: optionalFlag(options.hugePages, "hugePages", action),
    guard: flag(options.guard, "guard", action, true),
    reserved,
  };
}

/** The plan for memory of that access and length, without further options. */
function wholePlan(memory: MemoryPlan, access: Access, byteLength: number | undefined): MapPlan {
  return {
    ...memory,
    access,
    byteOffset: 0,
    byteLength,
    protection: protectionOf(access, false),
    flags: 0,
    address: 0n,
    onStrayWrite: "warn",
  };
}

/**
 * @param names the options that are allowed beside those of every mapping
 * @throws {TypeError} @throws {RangeError} As the options' types and values demand.
 */
export function planMap<T extends MapOptions>(
  options: T,
  action: string,
  fallback: Access,
  names?: Names<T>,
): MapPlan {
  checkOptions<MapOptions>(options, names ?? MAP, action);
  const access = accessFrom(options.access, action) ?? fallback;
  const byteOffset = optionalNumber(options.byteOffset, "byteOffset", action) ?? 0;
  const byteLength = optionalNumber(options.byteLength, "byteLength", action, 1);
  if (byteLength !== undefined) wholeNumber(byteOffset + byteLength, "the region's end", action);
  const executable = flag(options.executable, "executable", action, false);
  const flags = rawFlags(options.flags, action);
  const address = hint(options.address, action);
  const plan = wholePlan(readMemory(options, action), access, byteLength);
  const protection = protectionOf(access, executable);
  const onStrayWrite = strayWrites(options, action);
  return { ...plan, byteOffset, protection, flags, address, onStrayWrite };
}

function protectionOf(access: Access, executable: boolean): Protection {
  const plain = access === "read" ? "read" : "read-write";
  return executable ? `${plain}-execute` : plain;
}

function accessFrom(value: unknown, action: string): Access | undefined {
  return choice(value, ACCESSES, "access", action);
}

/**
 * The plan to attach to a region that grants `granted`.
 *
 * @throws {Deno.errors.PermissionDenied} If the options ask for more.
 */
export function planAttach(options: MapOptions, granted: Access): MapPlan {
  const plan = planMap(options, "attach to region", granted);
  if (plan.access === "read-write" && granted !== "read-write") {
    throw new Deno.errors.PermissionDenied(
      `Cannot attach to region with access "read-write": its handle grants "${granted}"`,
    );
  }
  return plan;
}

/** @throws {TypeError} @throws {RangeError} As the options' types and values demand. */
export function planOpen(options: OpenRegionOptions): OpenPlan {
  const action = "open region";
  const plan = {
    ...planMap(options, action, "read", OPEN),
    create: flag(options.create, "create", action, false),
    createNew: flag(options.createNew, "createNew", action, false),
    truncate: flag(options.truncate, "truncate", action, false),
    mode: permissions(options.mode, action, 0o666),
    allocate: flag(options.allocate, "allocate", action, true),
  };
  checkCreation(plan, action);
  if (plan.byteLength === undefined && (plan.createNew || plan.truncate)) {
    throw needsByteLength(action);
  }
  return plan;
}

function checkCreation(
  plan: MapPlan & { create: boolean; createNew: boolean; truncate?: boolean },
  action: string,
): void {
  if (plan.access !== "read" || !(plan.create || plan.createNew || plan.truncate)) return;
  throw new TypeError(
    `Cannot ${action} as create, createNew and truncate need access "read-write" or ` +
      `"copy-on-write": received access "read"`,
  );
}

/** The error for an object that is created or emptied without a size. */
export function needsByteLength(action: string): RangeError {
  return new RangeError(`Cannot ${action} as an empty object needs a byteLength: received none`);
}

function permissions(value: unknown, action: string, fallback: number): number {
  return optionalNumber(value, "mode", action, 0, 0o7777) ?? fallback;
}

/** Checked {@linkcode NamedOptions}. */
export interface NamedPlan extends MapPlan {
  readonly create: boolean;
  readonly createNew: boolean;
  readonly mode: number;
  readonly unlinkOnClose: boolean | undefined;
  /** Whether to reserve the memory of the object. */
  readonly allocate: boolean;
}

/** @throws {TypeError} @throws {RangeError} As the options' types and values demand. */
export function planNamed(options: NamedOptions): NamedPlan {
  const action = "open shared memory";
  checkOptions(options, NAMED, action);
  const access = accessFrom(options.access, action) ?? "read-write";
  const byteLength = optionalNumber(options.byteLength, "byteLength", action, 1);
  const memory = readMemory(options, action);
  const plan = {
    ...wholePlan(memory, access, byteLength),
    onStrayWrite: strayWrites(options, action),
    create: flag(options.create, "create", action, false),
    createNew: flag(options.createNew, "createNew", action, false),
    mode: permissions(options.mode, action, 0o600),
    unlinkOnClose: optionalFlag(options.unlinkOnClose, "unlinkOnClose", action),
    allocate: memory.reserve || memory.reserved > 0,
  };
  checkCreation(plan, action);
  if (plan.byteLength === undefined && plan.createNew) throw needsByteLength(action);
  return plan;
}

/** @throws {TypeError} @throws {RangeError} As the options' types and values demand. */
export function planAnonymous(size: number, options: AnonymousOptions): AnonymousPlan {
  const action = "make anonymous region";
  const byteLength = wholeNumber(size, "byteLength", action, 1);
  checkOptions(options, ANONYMOUS, action);
  const sharing = choice(options.sharing, ["shared", "private"], "sharing", action) ?? "shared";
  const access = sharing === "shared" ? "read-write" : "copy-on-write";
  const sealWrite = choice(options.seal, ["write"], "seal", action) === "write";
  if (sealWrite && sharing === "private") {
    throw new TypeError(`Cannot ${action} as private memory has no seals: received seal "write"`);
  }
  return {
    ...wholePlan(readMemory(options, action), access, byteLength),
    byteLength,
    shared: sharing === "shared",
    label: labelText(options.label, sharing, action),
    sealWrite,
    resizable: flag(options.resizable, "resizable", action, false),
  };
}

const MAX_LABEL_BYTES = { shared: 249, private: 79 };

function labelText(
  value: unknown,
  sharing: "shared" | "private",
  action: string,
): string {
  if (value === undefined) return "";
  const label = text(value, "label", action);
  if (label.includes("\0")) throw new TypeError(`Cannot ${action} as its label contains a NUL`);
  const limit = MAX_LABEL_BYTES[sharing];
  if (new TextEncoder().encode(label).length > limit) {
    throw new RangeError(`Cannot ${action} as its label must be at most ${limit} bytes long`);
  }
  if (
    sharing === "private" && !/^[ -~]*$/.test(label) ||
    /[\\`$[\]]/.test(label) && sharing === "private"
  ) {
    throw new RangeError(
      `Cannot ${action} as the label of private memory must be printable ASCII without \\ \` $ [ ]`,
    );
  }
  return label;
}

function rawFlags(value: unknown, action: string): number {
  const flags = optionalNumber(value, "flags", action) ?? 0;
  system().memory.checkFlags(flags, action);
  return flags;
}

function hint(value: unknown, action: string): bigint {
  if (value === undefined) return 0n;
  if (typeof value !== "bigint") {
    throw new TypeError(`Cannot ${action} as address must be a bigint: received ${typeof value}`);
  }
  if (value >= 0n && value < 2n ** 63n) return value;
  throw new RangeError(`Cannot ${action} as address must lie in [0, 2^63): received ${value}`);
}
