/**
 * Sends messages to a C program through one channel and gets its answers through another. The program
 * has to be compiled first:
 *
 *     cc -I languages/c -o channel_peer examples/c/channel_peer.c
 *     deno run --allow-ffi --allow-run examples/channel_c_peer.ts ./channel_peer
 */
import { Channel, spawnWithChannel } from "@mmap/mmap/channel";

const [program = "./channel_peer"] = Deno.args;

using answers = Channel.create({ capacity: 4096 });
using child = spawnWithChannel(program, [], { env: answers.env("ANSWERS") });

for (const text of ["from Deno", "to C", "and back"]) {
  await child.channel.send(new TextEncoder().encode(text));
}
child.channel.closeSending();

for await (const answer of answers) console.log(new TextDecoder().decode(answer));
const { code } = await child.process.status;
console.log(`the C program ended with ${code}`);
