/** Says on which system it believes to be. */

import { scope } from "../_act.ts";

scope.postMessage(Deno.build.os);
scope.close();
