/**
 * A file streams through a channel into a child, which counts and hashes what it reads.
 *
 *     deno run --allow-ffi --allow-run --allow-read --allow-write examples/stream_file.ts [path]
 */
import { spawnWithChannel } from "@mmap/mmap/channel";

const path = Deno.args[0] ?? await makeFile(16 << 20);
using child = spawnWithChannel(
  Deno.execPath(),
  ["run", "--allow-ffi", import.meta.resolve("./stream_file_child.ts")],
  { channel: { capacity: 1 << 20 }, stdout: "piped" },
);

// The channel slows the reader of the file down: at most its capacity is under way.
using file = await Deno.open(path);
await file.readable.pipeTo(child.channel.writable);

const { stdout } = await child.process.output();
const [byteLength, hash] = new TextDecoder().decode(stdout).trim().split(" ");
console.log(`the child received ${byteLength} bytes`);
console.log(`they are the file's: ${hash === await hashOf(path)}`);
if (Deno.args.length === 0) await Deno.remove(path);

/** A temporary file of so many bytes. */
async function makeFile(byteLength: number): Promise<string> {
  const words = new Uint32Array(byteLength / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 0x9e3779b9);
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, new Uint8Array(words.buffer));
  return path;
}

async function hashOf(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}
