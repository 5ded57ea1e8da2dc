/** What the peers of a test share, in the files of a directory. */

import { MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, Latest, serve } from "@mmap/mmap/channel";
import { SharedMap } from "@mmap/mmap/collections";
import { withTempDir } from "../_files.ts";
import { Peer, type Space, SPACES } from "./_spaces.ts";

/** Where everything is in the file "sync". */
export const AT = {
  mutex: 0,
  once: 64,
  counting: 128,
  cells: 256,
  written: 1024,
  read: 2048,
  both: 3072,
  barrier: 4096,
  condition: 5120,
  attended: 5184,
} as const;

/** Makes all of it, for every user. */
function makeThings(dir: string): void {
  MmapRegion.open(`${dir}/sync`, { access: "read-write", create: true, byteLength: 8192 }).close();
  Channel.create({ path: `${dir}/requests`, capacity: 4096 }).close();
  Channel.create({ path: `${dir}/answers`, capacity: 4096 }).close();
  Channel.create({
    path: `${dir}/shared`,
    capacity: 4096,
    producers: "multiple",
    consumers: "multiple",
  }).close();
  Broadcast.create({ path: `${dir}/feed`, capacity: 4096 }).close();
  Latest.create({ path: `${dir}/latest`, byteLength: 1000 }).close();
  serve({ path: `${dir}/server` }, (request) => request).close();
  SharedMap.open(`${dir}/map`, { create: true, capacity: 1000, maxKeyByteLength: 200 }).close();
  for (const { name } of Deno.readDirSync(dir)) Deno.chmodSync(`${dir}/${name}`, 0o666);
  Deno.chmodSync(dir, 0o777);
}

/** Runs `body` with a directory of fresh things, and peers in those spaces, by default one in each. */
export async function withPeers(
  body: (peers: Peer[], dir: string) => Promise<void>,
  spaces: readonly Space[] = SPACES,
): Promise<void> {
  await withTempDir(async (dir) => {
    makeThings(dir);
    await using stack = new AsyncDisposableStack();
    const peers = spaces.map((space) => stack.use(new Peer(space, dir)));
    for (const peer of peers) await peer.ready();
    await body(peers, dir);
  });
}
