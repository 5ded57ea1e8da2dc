/** Preloaded into `deno test`: marks the tests that cannot run in the emulator as ignored. */

import { skipTests } from "../_skips.ts";
import { SKIPS } from "./skips.ts";

skipTests(SKIPS);
