/** Preloaded into `deno test`: marks the tests that cannot run on the Darwin twin as ignored. */

import { skipTests } from "../_skips.ts";
import { SKIPS } from "./skips.ts";

skipTests(SKIPS);
