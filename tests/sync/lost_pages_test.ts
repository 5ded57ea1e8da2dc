/** Primitives in pages that a process loses. */

import { testFullDisks, testLosses, testTables } from "../_losing.ts";
import { CALLS } from "./_lost_calls.ts";

const PROGRAM = import.meta.resolve("./_lost_pages.ts");
const TOPIC = "primitives whose page is lost";

testLosses(PROGRAM, TOPIC, [
  "every call throws until repair",
  "a primitive works again after repair",
  "waits end",
  "the system meets the missing page first",
  "what lies on other pages goes on",
  "stray writes do not count",
  "what was held is given up",
  "what was lost and healed between two calls is given up",
  "unlocking is what loses it",
  "private memory of a file",
  "shared buffers, also in a Worker",
  "a Worker with a mapping of its own",
  "a Condition and its mutex",
  "a Condition that is lost while it waits holds its mutex again",
]);

testFullDisks(PROGRAM, TOPIC, "no page can be had on a full disk");

testTables("./sync", CALLS, []);
