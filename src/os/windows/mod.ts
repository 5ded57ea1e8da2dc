/** Windows, from 10 version 1803 on. */

import type { System } from "../system.ts";
import { windows as library } from "../../../ffi/windows/library.ts";
import { bytes } from "./bytes.ts";
import { copy, zero } from "./copy.ts";
import { foreignSpans, isAnonymous, isPrivate } from "./foreign.ts";
import { named } from "./named.ts";
import { objects } from "./objects.ts";
import * as pages from "./pages.ts";
import { processes } from "./processes.ts";
import { checkMayResize, follow, resize } from "./resize.ts";
import { tokens } from "./tokens.ts";
import * as views from "./views.ts";
import { waiting } from "./waiting.ts";

export const windows: System = {
  name: "windows",
  memory: {
    pageSize(): number {
      library(); // as on other systems, this is what loads the system's library
      return views.PAGE;
    },
    checkFlags(flags, action): void {
      if (flags === 0) return;
      throw new Deno.errors.NotSupported(
        `Cannot ${action} with flags on Windows, which has none: received 0x${flags.toString(16)}`,
      );
    },
    checkOverlays(action): void {
      throw new Deno.errors.NotSupported(
        `Cannot ${action} on Windows, where the engine frees such memory itself: ` +
          "use the region's own views",
      );
    },
    map: views.map,
    place: views.place,
    replace: views.replace,
    replaceByZeros: views.replaceByZeros,
    unmap: views.unmap,
    checkMayResize,
    resize,
    follow,
    guardSource: views.guardSource,
    foreignSpans,
    isForeign: isAnonymous,
    isAnonymous,
    isPrivate,
    protect: pages.protect,
    advise: pages.advise,
    populate: pages.populate,
    lock: pages.lock,
    unlock: pages.unlock,
    flush: pages.flush,
    flushOffThread: pages.flushOffThread,
    residency: pages.residency,
    showsOwnPagesOnly: true,
    usage: pages.usage,
    drop: pages.drop,
    dropsInSteps: true,
    zero,
    copy,
  },
  get bytes() {
    return bytes();
  },
  objects,
  named,
  processes,
  tokens,
  waiting,
  passing: async () => (await import("./passing.ts")).passing,
  observing: async () => (await import("./observing.ts")).observe(),
};
