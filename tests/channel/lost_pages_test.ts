/** Channels in pages that a process loses. */

import { testFullDisks, testLosses, testTables } from "../_losing.ts";
import { BROADCAST_CALLS, CHANNEL_CALLS, LATEST_CALLS } from "./_lost_calls.ts";

const PROGRAM = import.meta.resolve("./_lost_pages.ts");
const TOPIC = "channels whose page is lost";

testLosses(PROGRAM, TOPIC, [
  "every call throws",
  "the call that loses the page gives nothing made-up",
  "waits end",
  "others learn of it as of a death, and repair heals",
  "closing leaves it to others",
  "slots and peeked messages are given up",
  "a broadcast has another writer, and the old one again after repair",
  "a server closes",
  "what lies on other pages goes on",
]);

testFullDisks(PROGRAM, TOPIC, "no page can be had on a full disk", ["ext2"]);

testTables(
  "./channel",
  { Channel: CHANNEL_CALLS, Broadcast: BROADCAST_CALLS, Latest: LATEST_CALLS },
  [
    ...["StructChannel", "Client", "Server"], // they are made of channels
    ...["byteLength", "capacity", "maxByteLength", "region", "closed", "handle", "env"],
    ...["close", "[Symbol.dispose]"],
  ],
);
