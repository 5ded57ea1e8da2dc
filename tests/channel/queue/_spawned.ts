/** Sends a word of its environment through the channel that it was started with. */

import { Channel } from "@mmap/mmap/channel";

using channel = Channel.fromEnv("HERE");
channel.sendSync(new TextEncoder().encode(Deno.env.get("WORD")));
