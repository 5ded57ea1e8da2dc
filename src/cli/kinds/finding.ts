/** What the reader of a kind gives. */

import type { LockPlace, Look } from "./look.ts";

/** What a reader has found. */
export interface Finding {
  /** Null if it has none. */
  readonly version: number | null;
  /** The kind's own fields, for programs. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The same for people, by their titles. */
  readonly lines: Readonly<Record<string, string>>;
  /** What does not fit into lines. */
  readonly table?: string;
  readonly locks?: readonly LockPlace[];
  /** Words that somebody may sleep on beside those of locks, and what for. */
  readonly bells?: readonly { readonly byteOffset: number; readonly what: string }[];
  /** The share that is taken, from 0 to 1. */
  readonly full?: number;
  /** Counts that only grow: bytes, or times. */
  readonly counts?: {
    readonly in?: number;
    readonly out?: number;
    readonly unit: "bytes" | "times";
  };
}

/** Reads one kind. @throws {Deno.errors.InvalidData} If it is damaged. */
export type Reader = (look: Look) => Finding;
