/** From options to the numbers of the system calls: reads each option once and checks it. */

import { shown } from "../../ffi/arguments.ts";
import { optionalNumber, wholeNumber } from "../mapping/pages.ts";
import type { Access } from "../object/handle.ts";
import { system } from "../os/mod.ts";
import type { Protection } from "../os/system.ts";
import type { AnonymousOptions, MapOptions, NamedOptions, OpenRegionOptions } from "./options.ts";

/** Checked {@linkcode MapOptions}. */
export interface MapPlan {
  readonly access: Access;
  readonly byteOffset: number;
  readonly byteLength: number | undefined;
  readonly protection: Protection;
  /** Whether memory is set aside for what will be written. */
  readonly reserve: boolean;
  readonly flags: number;
  readonly address: bigint;
  readonly populate: boolean;
  readonly lock: boolean;
  readonly hugePages: boolean;
  readonly guard: boolean;
  /** How many bytes of addresses to hold for growing; 0 for none. */
  readonly reserved: number;
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

/** @throws {TypeError} @throws {RangeError} As the options' types and values demand. */
export function planMap(options: MapOptions, action: string, fallback: Access = "read"): MapPlan {
  checkObject(options, action);
  const access = choice(options.access, ACCESSES, "access", action) ??
    fallback;
  const byteOffset = optionalNumber(options.byteOffset, "byteOffset", action) ?? 0;
  const byteLength = optionalNumber(options.byteLength, "byteLength", action, 1);
  if (byteLength !== undefined) wholeNumber(byteOffset + byteLength, "the region's end", action);
  const protection = access === "read" ? "read" : "read-write";
  const executable = flag(options.executable, "executable", action, false);
  const { reserve } = options;
  const reserved = typeof reserve === "number" ? wholeNumber(reserve, "reserve", action, 1) : 0;
  const noReserve = reserved > 0 || !flag(reserved > 0 ? true : reserve, "reserve", action, true);
  return {
    access,
    byteOffset,
    byteLength,
    protection: executable ? `${protection}-execute` : protection,
    reserve: !noReserve,
    flags: rawFlags(options.flags, action),
    address: hint(options.address, action),
    populate: flag(options.populate, "populate", action, false),
    lock: flag(options.lock, "lock", action, false),
    hugePages: flag(options.hugePages, "hugePages", action, false),
    guard: flag(options.guard, "guard", action, true),
    reserved,
  };
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
    ...planMap(options, action),
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

/** What is made, or emptied, needs a size. */
export function needsByteLength(action: string): RangeError {
  return new RangeError(`Cannot ${action} as an empty object needs a byteLength: received none`);
}

function permissions(value: unknown, action: string, fallback: number): number {
  const mode = optionalNumber(value, "mode", action) ?? fallback;
  if (mode <= 0o7777) return mode;
  throw new RangeError(`Cannot ${action} as mode must be at most 0o7777: received ${mode}`);
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
  checkObject(options, action);
  const { access, byteLength, populate, lock, reserve, hugePages, guard } = options;
  const given: MapOptions = {};
  Object.assign(given, { access, byteLength, populate, lock, reserve, hugePages, guard });
  const plan = {
    ...planMap(given, action, "read-write"),
    create: flag(options.create, "create", action, false),
    createNew: flag(options.createNew, "createNew", action, false),
    mode: permissions(options.mode, action, 0o600),
    unlinkOnClose: optionalFlag(options.unlinkOnClose, "unlinkOnClose", action),
    allocate: reserve !== false,
  };
  checkCreation(plan, action);
  if (plan.byteLength === undefined && plan.createNew) throw needsByteLength(action);
  return plan;
}

/** @throws {TypeError} @throws {RangeError} As the options' types and values demand. */
export function planAnonymous(size: number, options: AnonymousOptions): AnonymousPlan {
  const action = "make anonymous region";
  const byteLength = wholeNumber(size, "byteLength", action, 1);
  checkObject(options, action);
  const sharing = choice(options.sharing, ["shared", "private"], "sharing", action) ?? "shared";
  const { populate, lock, reserve, hugePages, guard, seal, label } = options;
  const access = sharing === "shared" ? "read-write" : "copy-on-write";
  const given = { access, populate, lock, reserve, hugePages, guard } as MapOptions;
  const sealWrite = choice(seal, ["write"], "seal", action) === "write";
  if (sealWrite && sharing === "private") {
    throw new TypeError(`Cannot ${action} as private memory has no seals: received seal "write"`);
  }
  return {
    ...planMap(given, action),
    byteLength,
    shared: sharing === "shared",
    label: labelText(label, sharing, action),
    sealWrite,
    resizable: flag(options.resizable, "resizable", action, false),
  };
}

const MAX_LABEL_BYTES = { shared: 249, private: 79 };

function labelText(
  label: unknown,
  sharing: "shared" | "private",
  action: string,
): string {
  if (label === undefined) return "";
  if (typeof label !== "string") {
    throw new TypeError(`Cannot ${action} as label must be a string: received ${typeof label}`);
  }
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

/** @throws {TypeError} If the options are no object. */
export function checkObject(options: unknown, action: string): void {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(
    `Cannot ${action} as the options must be an object: received ${shown(options)}`,
  );
}

/** An option that is a boolean. @throws {TypeError} */
export function flag(value: unknown, name: string, action: string, fallback: boolean): boolean {
  return optionalFlag(value, name, action) ?? fallback;
}

function optionalFlag(value: unknown, name: string, action: string): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw new TypeError(`Cannot ${action} as ${name} must be a boolean: received ${typeof value}`);
}

/** An option that is one of some words. @throws {TypeError} */
export function choice<T extends string>(
  value: unknown,
  choices: readonly T[],
  name: string,
  action: string,
): T | undefined {
  if (value === undefined || choices.includes(value as T)) return value as T | undefined;
  const list = choices.map((one) => `"${one}"`).join(", ");
  throw new TypeError(
    `Cannot ${action} as ${name} must be one of ${list}: received ${shown(value)}`,
  );
}

function rawFlags(value: unknown, action: string): number {
  const flags = optionalNumber(value, "flags", action) ?? 0;
  if (!system().memory.allowsFlags(flags)) {
    throw new RangeError(
      `Cannot ${action} as flags must leave out MAP_FIXED and what other options stand for: ` +
        `received 0x${flags.toString(16)}`,
    );
  }
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
