/** The ways to a region: each opens an object, sizes it, maps it, and undoes all that if one fails. */

import { isSystemError } from "../../ffi/call.ts";
import { close } from "../../ffi/file_calls.ts";
import { pageSize } from "../../ffi/page_size.ts";
import { type FileStatus, statusOf } from "../../ffi/status.ts";
import { adviseSpan, populateSpan } from "../mapping/advice.ts";
import { alignDown } from "../mapping/pages.ts";
import { lockSpan } from "../mapping/protection.ts";
import { system } from "../os/mod.ts";
import type { MapRequest, Sharing } from "../os/system.ts";
import type { RegionHandle } from "../object/handle.ts";
import { createAnonymous, seal } from "../object/memfd.ts";
import { type Nature, natureOf, refuseSecret } from "../object/nature.ts";
import { duplicate, openFile, removeCreated } from "../object/open_file.ts";
import { openHandle } from "../object/open_handle.ts";
import { checkDenied, checkDescriptorDenied } from "../object/permission.ts";
import { emptyTo, extend, isUntouched, takeBack } from "../object/size.ts";
import { RegionCore, type RegionFacts } from "./core.ts";
import type { AnonymousPlan, MapPlan, OpenPlan } from "./plan.ts";

/** `MmapRegion.open` */
export function openRegion(path: string, plan: OpenPlan): RegionCore {
  const { create, createNew, truncate } = plan;
  const writable = plan.access === "read-write" || create || createNew || truncate;
  checkDenied(path, writable);
  const { fd, created, path: place } = openFile({ ...plan, path, writable });
  let oldSize: number | undefined;
  let end = 0;
  try {
    checkDescriptorDenied(fd, writable);
    const status = statusOf(fd);
    if (truncate) checkMayEmpty(status, path);
    const byteLength = fit(plan, status, create || createNew || truncate, path);
    end = plan.byteOffset + byteLength;
    if (status.type === "file" && end > status.byteLength) {
      extend(fd, status, end, plan.allocate, path);
      oldSize = status.byteLength;
    }
    const nature = natureOf(fd, status);
    const core = mapFile({ plan, byteLength, fd, subject: path, kind: "file", nature }, () => {
      // Last, because it alone cannot be undone.
      if (truncate && status.byteLength > 0) emptyTo(fd, end, plan.allocate, path);
    });
    if (plan.allocate && oldSize === 0) core.filled = byteLength;
    return core;
  } catch (error) {
    // What others have written to it meanwhile stays.
    if (oldSize !== undefined) takeBack(fd, oldSize, end);
    if (created && isUntouched(fd, 0, 0)) removeCreated(place, fd);
    close(fd);
    throw error;
  }
}

/** @throws {Deno.errors.NotSupported} If it has no size that could be changed. */
function checkMayEmpty({ type }: FileStatus, path: string): void {
  if (type === "file") return;
  throw new Deno.errors.NotSupported(
    `Cannot empty '${path}' as truncate is for regular files: it is a ${type.replace("-", " ")}`,
  );
}

/** `MmapRegion.fromFd` */
export function regionFromFd(borrowed: number, plan: MapPlan): RegionCore {
  return owning(duplicate(borrowed), (fd) => {
    checkDescriptorDenied(fd, plan.access === "read-write");
    refuseSecret(fd);
    const status = statusOf(fd);
    const subject = `fd ${borrowed}`;
    const byteLength = fit(plan, status, false, subject);
    const nature = natureOf(fd, status);
    return mapFile({ plan, byteLength, fd, subject, kind: "file", nature });
  });
}

/** `MmapRegion.attach` @param open gives a descriptor of the handle's object */
export function attachRegion(
  handle: RegionHandle,
  plan: MapPlan,
  open: () => number = () => openHandle(handle, plan.access === "read-write"),
): RegionCore {
  const byteLength = plan.byteLength ?? handle.byteLength - plan.byteOffset;
  if (byteLength <= 0 || plan.byteOffset + byteLength > handle.byteLength) {
    throw new RangeError(
      `Cannot attach to region as the range must lie within its ${handle.byteLength} bytes: ` +
        `received byteOffset ${plan.byteOffset}, byteLength ${plan.byteLength ?? "to the end"}`,
    );
  }
  const moved = { ...plan, byteOffset: handle.byteOffset + plan.byteOffset };
  return owning(open(), (fd) => {
    refuseSecret(fd);
    const { kind, path } = handle;
    const name = kind === "named" ? path : "";
    const nature = natureOf(fd, statusOf(fd));
    return mapFile({ plan: moved, byteLength, fd, subject: path, kind, name, nature });
  });
}

/** `MmapRegion.anonymous` */
export function anonymousRegion(plan: AnonymousPlan): RegionCore {
  return plan.shared ? sharedAnonymous(plan) : privateAnonymous(plan);
}

function sharedAnonymous(plan: AnonymousPlan): RegionCore {
  const { byteLength } = plan;
  return owning(createAnonymous(plan.label, byteLength), (fd) => {
    const source: Source = {
      plan,
      byteLength,
      fd,
      subject: undefined,
      kind: "anonymous",
      grant: plan.sealWrite ? "read" : "read-write",
      nature: { single: false, pageSize: pageSize() },
    };
    // A write seal forbids further writable mappings, so it comes after this one.
    const finish = (): void => seal(fd, { shrink: !plan.resizable, write: plan.sealWrite });
    return plan.sealWrite ? mapWithSeed(source, finish) : mapFile(source, finish);
  });
}

/** Maps an object of which no descriptor will give another mapping: one page of it is kept aside. */
function mapWithSeed(source: Source, finish: () => void): RegionCore {
  const range = system().memory.map({ ...requestOf(source), byteLength: pageSize(), address: 0n });
  try {
    const core = mapFile({ ...source, seed: range.pointer }, finish);
    core.onClose(() => system().memory.unmap(range));
    return core;
  } catch (error) {
    system().memory.unmap(range);
    throw error;
  }
}

function privateAnonymous(plan: AnonymousPlan): RegionCore {
  const facts: RegionFacts = {
    kind: "anonymous",
    access: "read-write",
    sharing: "private",
    byteOffset: 0,
    fd: -1,
    allocate: false,
    sizable: false,
    grant: "read-write",
    label: plan.label,
    guard: plan.guard,
    reserved: plan.reserved > 0,
    name: "",
  };
  const core = new RegionCore(
    facts,
    {
      byteLength: Math.max(plan.byteLength, plan.reserved),
      protection: plan.protection,
      sharing: "private",
      reserve: plan.reserve,
      flags: plan.flags,
      fd: -1,
      fileOffset: 0,
      pageSize: pageSize(),
      address: plan.address,
      subject: undefined,
      guarded: false, // begins with the first protect(): nothing else can make a page fault
    },
    0,
    plan.byteLength,
  );
  labelMemory(core);
  return prepare(core, plan);
}

/** Names private memory where people look at a process's memory, if the system has such a place. */
export function labelMemory(core: RegionCore): void {
  const { label } = core.facts;
  if (label !== "") system().memory.label?.(core.live("label region").range, label);
}

/** How many bytes to map. @throws {RangeError} If the file has too few and may not be extended. */
export function fit(
  plan: MapPlan,
  status: FileStatus,
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

/** Devices have no size. What cannot be mapped at all is left to `mmap`, whose error tells why. */
function fitDevice({ byteLength }: MapPlan, status: FileStatus, subject: string): number {
  if (byteLength !== undefined) return byteLength;
  if (status.type !== "character-device" && status.type !== "block-device") return 1;
  throw new RangeError(`Cannot map '${subject}' as a device needs a byteLength: received none`);
}

function sharingOf({ access }: MapPlan): Sharing {
  return access === "copy-on-write" ? "private" : "shared";
}

/** An open object to map, and what the region will say of itself. */
interface Source {
  readonly plan: MapPlan & { readonly allocate?: boolean };
  readonly byteLength: number;
  readonly fd: number;
  readonly subject: string | undefined;
  readonly kind: RegionHandle["kind"];
  readonly grant?: RegionFacts["grant"];
  readonly name?: string;
  readonly seed?: Deno.PointerObject;
  readonly nature: Nature;
}

function requestOf({ plan, byteLength, fd, subject, seed, nature }: Source): MapRequest {
  const fileOffset = alignDown(plan.byteOffset, nature.pageSize);
  return {
    byteLength: plan.byteOffset - fileOffset + Math.max(byteLength, plan.reserved),
    protection: plan.protection,
    sharing: sharingOf(plan),
    reserve: plan.reserve,
    flags: plan.flags,
    fd,
    fileOffset,
    pageSize: nature.pageSize,
    address: plan.address,
    subject,
    guarded: plan.guard,
    single: nature.single,
    ...(seed === undefined ? {} : { seed }),
  };
}

/** Maps an object. @param finish a last step between locking and populating; undoes nothing */
export function mapFile(source: Source, finish?: () => void): RegionCore {
  const { plan, fd, kind } = source;
  const request = requestOf(source);
  const facts: RegionFacts = {
    kind,
    access: plan.access,
    sharing: sharingOf(plan),
    byteOffset: plan.byteOffset,
    fd,
    allocate: plan.allocate ?? kind !== "anonymous", // memory is taken when it is touched
    sizable: plan.access === "read-write",
    grant: source.grant ?? plan.access,
    label: "",
    guard: plan.guard,
    reserved: plan.reserved > 0,
    name: source.name ?? "",
  };
  const lead = plan.byteOffset - request.fileOffset;
  const core = new RegionCore(facts, request, lead, source.byteLength);
  return prepare(core, plan, finish);
}

/** Locks and populates a new region as its options ask; gives it back if that fails. */
function prepare(core: RegionCore, plan: MapPlan, finish?: () => void): RegionCore {
  const mapping = core.live("map region");
  const span = core.pages({}, "map region");
  try {
    if (plan.hugePages) wishForHugePages(core);
    if (plan.lock) lockSpan(mapping, span);
    finish?.();
    // Emptying the file has taken locked pages away too.
    const lostPages = plan.lock && finish !== undefined;
    if (plan.populate || lostPages) populateSpan(mapping, span);
    return core;
  } catch (error) {
    core.abandon();
    throw error;
  }
}

/** Huge pages are a wish: a kernel without them says EINVAL. */
function wishForHugePages(core: RegionCore): void {
  try {
    adviseSpan(core.live("map region"), core.pages({}, "map region"), "huge-page");
  } catch (error) {
    if (!isSystemError(error) && !(error instanceof Deno.errors.NotSupported)) throw error;
  }
}

/** Closes a descriptor if what should take it over fails. */
function owning<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } catch (error) {
    close(fd);
    throw error;
  }
}
