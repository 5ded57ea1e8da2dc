/** The child of channel.ts: it answers until there are no more questions. */
import { Channel } from "@mmap/mmap/channel";

using questions = Channel.fromEnv();
using answers = Channel.fromEnv("ANSWERS");
const sender = answers.values<string>();
for await (const n of questions.values<number>()) await sender.send(`${n} squared is ${n * n}`);
