/**
 * The ways to make a region: each opens an object, sizes it and maps it, and undoes all of that if
 * a step fails.
 */

import { alignDown, HUGE_PAGE } from "../mapping/pages.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { cutObject, lockSpan, populateSpan, wishFor } from "../mapping/page_calls.ts";
import { isSystemError, system } from "../os/mod.ts";
import type {
  FileSize,
  MapRequest,
  Nature,
  ObjectStatus,
  OpenObject,
  Sharing,
} from "../os/system.ts";
import type { RegionHandle } from "../object/handle.ts";
import { explain, openFile } from "../object/open_file.ts";
import { openHandle } from "../object/open_handle.ts";
import { checkDenied, checkObjectDenied } from "../object/permission.ts";
import { type RegionAttributes, RegionBacking } from "./backing.ts";
import type { AnonymousPlan, MapPlan, OpenPlan } from "./plan.ts";

/** The size of a new file. */
export const EMPTY: FileSize = { byteLength: 0, allocated: 0 };

/** `MmapRegion.open` */
export function openRegion(path: string, plan: OpenPlan): RegionBacking {
  const { create, createNew, truncate } = plan;
  const writable = plan.access === "read-write" || create || createNew || truncate;
  const limited = checkDenied(path, writable);
  const { objects } = system();
  const { object, created, path: place } = openFile({ ...plan, path, writable });
  let oldSize: number | undefined;
  let end = 0;
  try {
    if (limited) checkObjectDenied(object, writable);
    const status = objects.status(object);
    if (truncate) checkMayEmpty(status, path);
    const byteLength = fit(plan, status, create || createNew || truncate, path);
    end = plan.byteOffset + byteLength;
    if (status.type === "file" && end > status.byteLength) {
      objects.extend(object, status, end, plan.allocate, path);
      oldSize = status.byteLength;
    }
    const nature = objects.nature(object, status);
    const chosen = oldSize === 0 || truncate ? planOfNew(plan, byteLength) : plan;
    const backing = mapFile(
      { plan: chosen, byteLength, object, subject: path, kind: "file", nature },
      (mapping) => {
        // This comes last, because it cannot be undone.
        if (!truncate || status.byteLength === 0) return;
        cutObject(mapping, () => {
          objects.setSize(object, 0);
          objects.extend(object, EMPTY, end, plan.allocate, path);
        });
      },
    );
    if (plan.allocate && oldSize === 0) backing.filled = byteLength;
    return backing;
  } catch (error) {
    // What others have written meanwhile is kept.
    if (oldSize !== undefined) objects.takeBack(object, oldSize, end);
    if (created && objects.isUntouched(object, 0, 0)) objects.remove(place, object);
    addReason(error, object);
    objects.close(object);
    throw error;
  }
}

/** A new file whose blocks are reserved will be filled, which huge pages make faster. */
function planOfNew(plan: OpenPlan, byteLength: number): OpenPlan {
  const { hugePages, allocate, access } = plan;
  const wish = hugePages === undefined && allocate && access === "read-write" &&
    byteLength >= HUGE_PAGE;
  return wish ? { ...plan, hugePages: true } : plan;
}

/** @throws {Deno.errors.NotSupported} If it has no size that could be changed. */
function checkMayEmpty({ type }: ObjectStatus, path: string): void {
  if (type === "file") return;
  throw new Deno.errors.NotSupported(
    `Cannot empty '${path}' as truncate is for regular files: it is a ${type.replace("-", " ")}`,
  );
}

/** `MmapRegion.fromFd` */
export function regionFromFd(borrowed: number, plan: MapPlan): RegionBacking {
  const { objects } = system();
  return owning(objects.adopt(borrowed), (object) => {
    checkObjectDenied(object, plan.access === "read-write");
    objects.checkGuardable?.(object);
    const status = objects.status(object);
    const subject = `fd ${borrowed}`;
    const byteLength = fit(plan, status, false, subject);
    const nature = objects.nature(object, status);
    return mapFile({ plan, byteLength, object, subject, kind: "file", nature });
  });
}

/** `MmapRegion.attach` @param open opens the handle's object */
export function attachRegion(
  handle: RegionHandle,
  plan: MapPlan,
  open: () => OpenObject = () => openHandle(handle, plan.access === "read-write"),
): RegionBacking {
  const byteLength = plan.byteLength ?? handle.byteLength - plan.byteOffset;
  if (byteLength <= 0 || plan.byteOffset + byteLength > handle.byteLength) {
    throw new RangeError(
      `Cannot attach to region as the range must lie within its ${handle.byteLength} bytes: ` +
        `received byteOffset ${plan.byteOffset}, byteLength ${plan.byteLength ?? "to the end"}`,
    );
  }
  const moved = { ...plan, byteOffset: handle.byteOffset + plan.byteOffset };
  const { objects } = system();
  return owning(open(), (object) => {
    objects.checkGuardable?.(object);
    const { kind, path } = handle;
    const name = kind === "named" ? path : "";
    const nature = objects.nature(object, objects.status(object));
    return mapFile({ plan: moved, byteLength, object, subject: path, kind, name, nature });
  });
}

/** `MmapRegion.anonymous` */
export function anonymousRegion(plan: AnonymousPlan): RegionBacking {
  return plan.shared ? sharedAnonymous(plan) : privateAnonymous(plan);
}

function sharedAnonymous(plan: AnonymousPlan): RegionBacking {
  const { byteLength } = plan;
  const { objects, memory } = system();
  const made = objects.anonymous(plan.label, byteLength, Math.max(byteLength, plan.reserved));
  const end = objects.endOfAnonymous?.(made);
  return owning(made, (object) => {
    const source: Source = {
      plan,
      byteLength,
      object,
      subject: undefined,
      kind: "anonymous",
      grant: plan.sealWrite ? "read" : "read-write",
      nature: { single: false, pageSize: memory.pageSize() },
    };
    // A write seal forbids further writable mappings, so it comes after this one.
    const finish = (): void =>
      objects.seal(object, { shrink: !plan.resizable, write: plan.sealWrite });
    const backing = plan.sealWrite ? mapWithSeed(source, finish) : mapFile(source, finish);
    if (end !== undefined) backing.onClose(end);
    return backing;
  }, end);
}

/**
 * Maps an object that will not allow further writable mappings: one page of it stays mapped for
 * that.
 */
function mapWithSeed(source: Source, finish: () => void): RegionBacking {
  const { memory } = system();
  const byteLength = memory.pageSize();
  const range = memory.map({ ...requestOf(source), byteLength, address: 0n });
  try {
    const backing = mapFile({ ...source, seed: range.pointer }, finish);
    backing.onClose(() => memory.unmap(range));
    return backing;
  } catch (error) {
    memory.unmap(range);
    throw error;
  }
}

function privateAnonymous(plan: AnonymousPlan): RegionBacking {
  const attributes: RegionAttributes = {
    kind: "anonymous",
    access: "read-write",
    sharing: "private",
    byteOffset: 0,
    object: undefined,
    allocate: false,
    sizable: false,
    grant: "read-write",
    label: plan.label,
    guard: plan.guard,
    onStrayWrite: plan.onStrayWrite,
    reserved: plan.reserved > 0,
    name: "",
  };
  const backing = new RegionBacking(
    attributes,
    {
      byteLength: Math.max(plan.byteLength, plan.reserved),
      protection: plan.protection,
      sharing: "private",
      reserve: plan.reserve,
      flags: plan.flags,
      object: undefined,
      fileOffset: 0,
      pageSize: system().memory.pageSize(),
      address: plan.address,
      subject: undefined,
      guarded: false, // guarding begins with the first protect() or `guardDrops`: before, no page can fault
    },
    0,
    plan.byteLength,
  );
  labelMemory(backing);
  return prepare(backing, plan);
}

/** Labels private memory in the system's list of mappings, if there is one. */
export function labelMemory(backing: RegionBacking): void {
  const { label } = backing.attributes;
  if (label !== "") system().memory.label?.(backing.live("label region").range, label);
}

/** How many bytes to map. @throws {RangeError} If the file has too few and may not be extended. */
export function fit(
  plan: MapPlan,
  status: ObjectStatus,
  extensible: boolean,
  subject: string,
): number {
  const { byteOffset, byteLength } = plan;
  if (status.type !== "file") return fitDevice(plan, status, subject);
  const size = status.byteLength;
  if (byteLength === undefined && size === 0) {
    throw new RangeError(
      `Cannot map '${subject}' as it is empty: ` +
        `give a byteLength, with create: true and access: "read-write" to extend the file`,
    );
  }
  const wanted = byteLength ?? size - byteOffset;
  if (wanted > 0 && (extensible || byteOffset + wanted <= size)) return wanted;
  throw new RangeError(
    `Cannot map '${subject}' as the region must lie within its ${size} bytes: ` +
      `received byteOffset ${byteOffset}, byteLength ${byteLength ?? "to the end"}` +
      (plan.access === "read-write" ? `; create: true extends a file` : ""),
  );
}

/** Devices have no size. For what cannot be mapped at all, `mmap` reports the reason. */
function fitDevice({ byteLength }: MapPlan, status: ObjectStatus, subject: string): number {
  if (byteLength !== undefined) return byteLength;
  if (status.type !== "character-device" && status.type !== "block-device") return 1;
  throw new RangeError(`Cannot map '${subject}' as a device needs a byteLength: received none`);
}

function sharingOf({ access }: MapPlan): Sharing {
  return access === "copy-on-write" ? "private" : "shared";
}

/** An open object to map, and the attributes of the region. */
interface Source {
  readonly plan: MapPlan & { readonly allocate?: boolean };
  readonly byteLength: number;
  readonly object: OpenObject;
  readonly subject: string | undefined;
  readonly kind: RegionHandle["kind"];
  readonly grant?: RegionAttributes["grant"];
  readonly name?: string;
  readonly seed?: Deno.PointerObject;
  readonly nature: Nature;
}

function requestOf({ plan, byteLength, object, subject, seed, nature }: Source): MapRequest {
  const fileOffset = alignDown(plan.byteOffset, nature.pageSize);
  return {
    byteLength: plan.byteOffset - fileOffset + Math.max(byteLength, plan.reserved),
    protection: plan.protection,
    sharing: sharingOf(plan),
    reserve: plan.reserve,
    flags: plan.flags,
    object,
    fileOffset,
    pageSize: nature.pageSize,
    address: plan.address,
    subject,
    guarded: plan.guard,
    single: nature.single,
    ...(seed === undefined ? {} : { seed }),
  };
}

/** Maps an object. @param finish a last step, between locking and populating; it undoes nothing */
export function mapFile(source: Source, finish?: (mapping: Mapping) => void): RegionBacking {
  const { plan, object, kind } = source;
  const request = requestOf(source);
  const attributes: RegionAttributes = {
    kind,
    access: plan.access,
    sharing: sharingOf(plan),
    byteOffset: plan.byteOffset,
    object,
    allocate: plan.allocate ?? kind !== "anonymous", // anonymous memory is taken when it is touched
    sizable: plan.access === "read-write",
    grant: source.grant ?? plan.access,
    label: "",
    guard: plan.guard,
    onStrayWrite: plan.onStrayWrite,
    reserved: plan.reserved > 0,
    name: source.name ?? "",
  };
  const pageOffset = plan.byteOffset - request.fileOffset;
  const backing = new RegionBacking(attributes, request, pageOffset, source.byteLength);
  return prepare(backing, plan, finish);
}

/** Locks and populates a new region as its options ask; gives it back if that fails. */
function prepare(
  backing: RegionBacking,
  plan: MapPlan,
  finish?: (mapping: Mapping) => void,
): RegionBacking {
  const mapping = backing.live("map region");
  const span = backing.pages({}, "map region");
  try {
    if (plan.hugePages) wishFor(mapping, span, "huge-page");
    if (plan.lock) lockSpan(mapping, span);
    finish?.(mapping);
    // Emptying the file has removed locked pages too.
    const lostPages = plan.lock && finish !== undefined;
    if (plan.populate || lostPages) populateSpan(mapping, span);
    return backing;
  } catch (error) {
    backing.abandon();
    throw error;
  }
}

/** The system itself does not say what is wrong with a directory. */
function addReason(error: unknown, object: OpenObject): void {
  if (!isSystemError(error) || error.syscall !== "mmap") return;
  if (system().objects.status(object).type === "directory") explain(error, "It is a directory");
}

/** Closes an object if what should take it over fails. @param end what else is to be done then */
function owning<T>(object: OpenObject, use: (object: OpenObject) => T, end?: () => void): T {
  try {
    return use(object);
  } catch (error) {
    end?.();
    addReason(error, object);
    system().objects.close(object);
    throw error;
  }
}
