/** Publishes one message, and lives until it is killed. */

import { Broadcast } from "@mmap/mmap/channel";

const broadcast = Broadcast.fromEnv();
broadcast.publish(new TextEncoder().encode("published"));
await new Promise((resolve) => setTimeout(resolve, 1e6));
