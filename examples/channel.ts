/**
 * A parent sends numbers to its child through one channel and gets answers through another.
 *
 *     deno run --allow-ffi --allow-run examples/channel.ts
 */
import { Channel, spawnWithChannel } from "@mmap/mmap/channel";

using answers = Channel.create({ capacity: 4096 });
using child = spawnWithChannel(
  Deno.execPath(),
  ["run", "--allow-ffi", import.meta.resolve("./channel_child.ts")],
  { env: answers.env("ANSWERS") },
);

const questions = child.channel.values<number>();
for (const n of [1, 2, 3]) await questions.send(n);
child.channel.closeSending();

const received: string[] = [];
for await (const answer of answers.values<string>()) received.push(answer);
console.log(`the child sent ${received.length} messages:`);
for (const answer of received) console.log(`  ${answer}`);
await child.process.status;
