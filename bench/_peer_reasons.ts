/** Why a peer is faster, where it is: each found by measuring what it names with and without it. */

import type { Figure } from "./_peer_work.ts";

interface Reason {
  readonly works: RegExp;
  readonly peers: RegExp;
  readonly reason: string;
}

/** The first that fits counts. */
const REASONS: readonly Reason[] = [
  {
    works: /^[gs]et /,
    peers: /^Map/,
    reason:
      "it belongs to one thread of one process, and looks a string up by a hash that V8 keeps in it",
  },
  {
    works: /^open, first byte/,
    peers: /FsFile|readFile/,
    reason: "it maps nothing, so there is no page fault (8 µs here) and nothing to unmap",
  },
  {
    works: /^open, first byte/,
    peers: /Node|Bun/,
    reason:
      "it never unmaps, which the garbage collector does later, and has no guard; a region is " +
      "unmapped when it is closed",
  },
  {
    works: /^open, first byte/,
    peers: /./,
    reason:
      "the system calls are nearly the same; a region also asks Deno for permissions, takes " +
      "addresses that nobody has used before, has an ArrayBuffer that is detached at the end, and is " +
      "in the guard's table: together about as long as the system calls",
  },
  {
    works: /sum|same of a cached/,
    peers: /./,
    reason:
      "the page faults are as many, and most of the time; V8 checks each index, and compiles " +
      "the loop while it runs",
  },
  {
    works: /^4 KiB at random/,
    peers: /./,
    reason:
      "for each record V8 makes an object (subarray) and makes a call (set), where C has memcpy",
  },
  {
    works: /^8 B at random/,
    peers: /./,
    reason:
      "3 to 5 ns of V8's checks at each access: the index, and whether the buffer is detached; " +
      "the rest is waiting for memory on all sides",
  },
  {
    works: /^absent text/,
    peers: /Rust/,
    reason:
      "both look for two bytes at once with AVX2; a region takes a sample to choose them by, and " +
      "begins with libc's memmem",
  },
  {
    works: /flush/,
    peers: /FsFile/,
    reason: "the first write to a mapped page after a flush is a fault, in which ext4 opens a " +
      "transaction that the flush then commits: in C, too, pwrite and fdatasync take 0.3 of the " +
      "time of a copy into the mapping and msync",
  },
  {
    works: /flush/,
    peers: /./,
    reason: "the same page fault and system call, and nearly all of it is the disk's time: two " +
      "processes of the same C program differ by 13 % here, after 60 rounds",
  },
  {
    works: /^grow/,
    peers: /FsFile/,
    reason: "it maps nothing, and leaves a hole in the file where a region reserves the blocks",
  },
  {
    works: /^grow/,
    peers: /./,
    reason:
      "it leaves a hole in the file, and a full disk is a SIGBUS at some later write; a region " +
      "reserves the blocks (with allocate: false it takes 0.55 of its time), and detaches the old " +
      "views before it moves",
  },
  {
    works: /^round trip/,
    peers: /futex/,
    reason:
      "C calls the kernel itself; two Futexes of this module alone, through FFI, take 0.6 to " +
      "0.8 of the time of a Channel that sleeps at once, and that takes 0.7 to 0.9 of one that looks " +
      "for a while before it sleeps (the default), which is in vain where both cores are busy",
  },
  {
    works: /^round trip/,
    peers: /awaited/,
    reason:
      "both kinds of calls look for a moment before they sleep, as long as that was of use lately; " +
      "which of them has learned it when it is measured differs from run to run",
  },
  {
    works: /^round trip/,
    peers: /C, spinning/,
    reason: "neither process ever sleeps, and one cache line is all that passes between them",
  },
  {
    works: /messages/,
    peers: /C, ring/,
    reason:
      "the same ring compiled by gcc, which never sleeps, has no ends and allocates nothing; a " +
      "received message here is a new Uint8Array",
  },
];

/** Faster by less than this is noise. */
const NOTICEABLE = 0.95;

/** Whether a peer took noticeably less time than we did. */
export function isFaster({ ratio }: Figure): boolean {
  return ratio < NOTICEABLE;
}

/** Why a peer is faster at a work. */
export function reasonOf(work: string, peer: string): string {
  const found = REASONS.find(({ works, peers }) => works.test(work) && peers.test(peer));
  return found?.reason ?? "not explained yet";
}
