/**
 * Prints whether the name of a region that was forgotten lives: with another region of its file open,
 * and when that is closed too. The argument is the file.
 */

import { MmapRegion } from "@mmap/mmap";
import { O_RDWR } from "../../ffi/constants.ts";
import { open } from "../../ffi/file_calls.ts";
import { isLocked } from "../../ffi/file_lock.ts";
import { wide, windows } from "../../ffi/windows/library.ts";
import type { Name } from "../../src/os/system.ts";
import { backingOf } from "../../src/region/mmap_region.ts";
import { threadsOf } from "../../src/wait/holder.ts";
import { mapsOf } from "../_process.ts";

const [path] = Deno.args as [string];
const { gc } = globalThis as unknown as { gc(): void };
const lives = Deno.build.os === "windows" ? isOwned : isLockedInFile();

/** As another process sees it. */
function isLockedInFile(): (name: Name) => boolean {
  const witness = open(path, O_RDWR);
  return ({ number, fingerprint }) => isLocked(witness, number, fingerprint);
}

/** Whether there is the mutex that shows it; see `os/windows/tokens.ts`. */
function isOwned({ number }: Name): boolean {
  using region = MmapRegion.open(path);
  const { device, inode } = region.handle();
  const { CloseHandle, OpenMutexW } = windows();
  const SYNCHRONIZE = 0x100000;
  const mutex = OpenMutexW(SYNCHRONIZE, 0, wide(`Global\\mmap.token.${device}.${inode}.${number}`));
  if (mutex !== 0) CloseHandle(BigInt(mutex));
  return mutex !== 0;
}

function join(): { region: MmapRegion; name: Name } {
  const region = MmapRegion.open(path, { access: "read-write" });
  const { number, fingerprint } = threadsOf(backingOf(region)).self();
  return { region, name: { number, fingerprint } };
}

function forget(): Name {
  return join().name;
}

const kept = join();
const name = forget();
for (let turn = 0; turn < 1000 && mapsOf(path).length > 1; turn++) {
  gc();
  await new Promise((resolve) => setTimeout(resolve));
}
const beside = [mapsOf(path).length, lives(name), lives(kept.name)];
kept.region.close();
console.log(JSON.stringify({ beside, after: [lives(name), lives(kept.name)] }));
