/** Collections in pages that a process loses. */

import { testFullDisks, testLosses, testTables } from "../_losing.ts";
import { ARRAY_CALLS, CACHE_CALLS, LOG_CALLS, MAP_CALLS } from "./_lost_calls.ts";

const PROGRAM = import.meta.resolve("./_lost_pages.ts");
const TOPIC = "collections whose page is lost";

testLosses(PROGRAM, TOPIC, [
  "every call throws",
  "the call that loses the page gives nothing made-up",
  "readers throw too",
  "an iteration throws in the middle",
  "a follower that waits ends",
  "a map that a change was lost in is repaired by the next one",
  "a cache gives its locks up, and goes on after repair",
  "an array gives its lock up, and goes on after repair",
  "an array that has lost one page changes no other one",
  "a log's writer gives its place up for good",
]);

testFullDisks(PROGRAM, TOPIC, "no page can be had on a full disk", ["ext2"]);

testTables(
  "./collections",
  {
    SharedMap: MAP_CALLS,
    SharedArray: ARRAY_CALLS,
    AppendLog: LOG_CALLS,
    SharedCache: CACHE_CALLS,
  },
  [
    ...["access", "capacity", "maxKeyByteLength", "valueByteLength", "closed"],
    ...["close", "[Symbol.dispose]"],
  ],
);
