/**
 * Tokens show other processes that an isolate is alive: each is a mutex with a name, which its thread
 * owns. The system takes it away when the thread ends, as a Worker's does that is terminated, or the
 * process. A mutex that can be had, or that is not there, is a dead holder's.
 *
 * The names are those of the whole machine, so that sessions see each other: services and users at
 * other desktops. A mutex of another user cannot be looked at, and counts as held.
 *
 * | word | bits | what |
 * |---|---|---|
 * | number | 0-29 | random, never 0; no two tokens of an object have it at a time |
 * | fingerprint | 0-21 | a quarter of the number of the isolate's thread |
 * | | 22-31 | random |
 */

import {
  checkHandle,
  ERROR_ACCESS_DENIED,
  ERROR_ALREADY_EXISTS,
  ERROR_FILE_NOT_FOUND,
} from "../../../ffi/windows/errors.ts";
import { lastError, wide, windows } from "../../../ffi/windows/library.ts";
import type { Name, OpenObject, Token, TokenObject, TokenSystem } from "../system.ts";
import { beginTokens, endTokens } from "./file_locks.ts";
import { close, duplicate } from "./files.ts";
import { statusOfObject } from "./objects.ts";
import { processes, processOfThread } from "./processes.ts";
import { isSection } from "./sections.ts";

const SYNCHRONIZE = 0x100000;
const WAIT_OBJECT_0 = 0;
const WAIT_ABANDONED = 0x80;

/** How many names are tried. A random name is hardly ever taken. */
const MOST_TRIES = 8;

/** Which object a name belongs to. */
function keyOf(object: OpenObject): string {
  const { device, inode } = statusOfObject(object);
  return `Global\\mmap.token.${device}.${inode}.`;
}

/** The tokens of this isolate, which its own questions would take for free. */
const own = new Map<string, OwnedMutex>();

class OwnedMutex implements Token {
  readonly number: number;
  readonly fingerprint: number;
  readonly #name: string;
  readonly #handle: number;
  readonly #file: OpenObject | undefined;

  constructor({ number, fingerprint }: Name, name: string, handle: number, file?: OpenObject) {
    this.number = number;
    this.fingerprint = fingerprint;
    this.#name = name;
    this.#handle = handle;
    this.#file = file;
    own.set(name, this);
  }

  release(): void {
    if (!own.delete(this.#name)) return;
    windows().ReleaseMutex(BigInt(this.#handle)); // others may have it open
    close(this.#handle);
    endIn(this.#file);
  }
}

function randomName(): Name {
  const [first, second] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
  const tid = processes.thread().number;
  return {
    number: (first & 0x3fffffff) || 1,
    fingerprint: second & 0xffc00000 | tid >>> 2 & 0x3fffff,
  };
}

/** Tells other systems. @returns a handle of its own for that; undefined for memory, which they lack */
function beginIn(object: OpenObject, path: string): OpenObject | undefined {
  if (isSection(object)) return undefined;
  const file = duplicate(object);
  try {
    beginTokens(file, path);
    return file;
  } catch (error) {
    close(file);
    throw error;
  }
}

function endIn(file: OpenObject | undefined): void {
  if (file === undefined) return;
  endTokens(file);
  close(file);
}

/** See `TokenSystem.take`. */
function take({ object, path }: TokenObject): Token {
  const file = beginIn(object, path);
  try {
    return takeMutex(keyOf(object), path, file);
  } catch (error) {
    endIn(file);
    throw error;
  }
}

function takeMutex(key: string, path: string, file: OpenObject | undefined): Token {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const name = randomName();
    const full = `${key}${name.number}`;
    const handle = windows().CreateMutexW(null, 1, wide(full));
    const error = lastError[0]!;
    if (handle !== 0 && error !== ERROR_ALREADY_EXISTS) {
      return new OwnedMutex(name, full, handle, file);
    }
    if (handle !== 0) close(handle);
    else if (error !== ERROR_ACCESS_DENIED) checkHandle(handle, error, "CreateMutexW", path);
  }
  throw new Deno.errors.Busy(`Cannot use locks in '${path}': all names that were tried are taken`);
}

/** See `TokenSystem.isHeld`. The number alone names a holder that lives. */
function isHeld(object: OpenObject, number: number, fingerprint: number): boolean {
  const name = `${keyOf(object)}${number}`;
  const mine = own.get(name);
  if (mine !== undefined) return fingerprint === 0 || fingerprint === mine.fingerprint;
  const { OpenMutexW, ReleaseMutex, WaitForSingleObject } = windows();
  const handle = OpenMutexW(SYNCHRONIZE, 0, wide(name));
  // Whoever cannot be asked, such as for want of memory, may live.
  if (handle === 0) return lastError[0] !== ERROR_FILE_NOT_FOUND;
  const result = WaitForSingleObject(BigInt(handle), 0);
  const isFree = result === WAIT_OBJECT_0 || result === WAIT_ABANDONED;
  if (isFree) ReleaseMutex(BigInt(handle));
  close(handle);
  return !isFree;
}

function threadIn(fingerprint: number): number {
  return (fingerprint & 0x3fffff) << 2;
}

export const tokens: TokenSystem = {
  take,
  isHeld,
  threadIn,
  processWith: (tid) => processOfThread(tid),
};
