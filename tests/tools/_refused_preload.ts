/** What the system of `_refused.ts` lacks. */

import { skipTests } from "../../tools/_skips.ts";

skipTests([
  {
    reason: "the file is about what there is not",
    refused: "Cannot do it here",
    files: ["tests/tools/_refused"],
    except: ["in a file of tests that are refused, but not one of them"],
  },
  { reason: "it has no such thing", tests: ["skipped"] },
]);
