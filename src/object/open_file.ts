/** Opening and creating files by path. */

import { system } from "../os/mod.ts";
import type { OpenedObject, OpenObject } from "../os/system.ts";
import { checkDenied, checkObjectDenied, makingAllowed } from "./permission.ts";

/** How to open a file; every field is checked already. */
interface FileRequest {
  readonly path: string;
  readonly writable: boolean;
  readonly create: boolean;
  readonly createNew: boolean;
  readonly mode: number;
}

/** An open object, and whether this call created it. */
export interface Opened {
  readonly object: OpenObject;
  readonly created: boolean;
}

/** An open file. */
export interface OpenedFile extends Opened {
  /** Its path: the target if it was created through a symbolic link. */
  readonly path: string;
}

/**
 * @throws the system's error
 * @throws {Deno.errors.NotCapable} If the program runs with the file to create denied.
 */
export function openFile({ path, writable, create, createNew, mode }: FileRequest): OpenedFile {
  const { objects } = system();
  const openExisting = () => objects.open(path, { writable });
  const createAt = (place: string) =>
    objects.create(place, { writable, mode, allow: makingAllowed() });
  if (createNew) return { object: createAt(path), created: true, path };
  if (!create) {
    const object = writable ? orSayHowToCreate(openExisting) : openExisting();
    return { object, created: false, path };
  }
  let place = path;
  const opened = openOrCreate(openExisting, () => {
    try {
      return createAt(place);
    } catch (error) {
      // A dangling symbolic link is in the way: the file is created at its target.
      if (error instanceof Deno.errors.AlreadyExists) place = objects.linkedFrom(place) ?? path;
      throw error;
    }
  });
  if (opened !== undefined) return { ...opened, path: opened.created ? place : path };
  throw new Deno.errors.Busy(`Cannot open '${path}': others keep creating and removing it`);
}

/** Opens something, and if it is missing, says how to make it. */
export function orSayHowToCreate(open: () => OpenObject): OpenObject {
  try {
    return open();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      explain(error, "It is missing, and create: true is not given");
    }
    throw error;
  }
}

/** Says in front of the system's own words what they mean here. */
export function explain(error: Error, meaning: string): void {
  error.message = `${meaning}: ${error.message}`;
}

/** A little more than the number of symbolic links that Linux follows. */
const MAX_TRIES = 50;

/**
 * Opens an existing file or creates it. Each try does only one of the two, so that the caller knows
 * whether it created the file. Each may lose a race with a process that creates or removes it.
 *
 * @returns undefined if both failed again and again
 */
export function openOrCreate(
  openExisting: () => OpenObject,
  createNew: () => OpenObject,
): Opened | undefined {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const existing = unless(Deno.errors.NotFound, openExisting);
    if (existing !== undefined) return { object: existing, created: false };
    const made = unless(Deno.errors.AlreadyExists, createNew);
    if (made !== undefined) return { object: made, created: true };
  }
  return undefined;
}

/** The result of a call; undefined if it throws an error of that class. */
export function unless<T>(expected: new (message: string) => Error, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof expected) return undefined;
    throw error;
  }
}

/**
 * Opens the regular file at a path, for reading; undefined if nothing is there.
 *
 * @throws {Deno.errors.IsADirectory} @throws {Deno.errors.NotSupported} If it is anything else.
 * @throws {Deno.errors.NotCapable} If reading it is denied.
 */
export function openRegular(path: string, action: string): OpenedObject | undefined {
  const limited = checkDenied(path, false);
  const { objects } = system();
  const object = objects.openIfThere(path, { writable: false });
  if (object === undefined) return undefined;
  try {
    if (limited) checkObjectDenied(object, false);
    const status = objects.status(object);
    if (status.type === "file") return { object, status };
    throw status.type === "directory"
      ? new Deno.errors.IsADirectory(`Cannot ${action} of '${path}': it is a directory`)
      : new Deno.errors.NotSupported(`Cannot ${action} of '${path}': it is no regular file`);
  } catch (error) {
    objects.close(object);
    throw error;
  }
}
