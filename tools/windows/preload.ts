/** Preloaded into `deno test`: marks the tests that cannot run on Windows as ignored. */

import { skipTests } from "../_skips.ts";
import { SKIPS } from "./skips.ts";

skipTests(SKIPS);
