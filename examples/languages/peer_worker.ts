/** The Worker of peer_in_worker.ts. */
import type { MmapRegion } from "@mmap/mmap";
import { answer, answered, attach, create, greet, greeting, type Way } from "./_share.ts";
import { whereabouts } from "./_share.ts";

const parent = self as unknown as Worker;
let region: MmapRegion;

parent.addEventListener("message", ({ data }) => parent.postMessage(reply(data)));

function reply(message: "look" | "close" | [string, Way, string?]): string {
  if (message === "look") return answered(region);
  if (message === "close") {
    region.close();
    return "closed";
  }
  const [action, way, where = ""] = message;
  if (action === "attach") {
    region = attach(way, where);
    answer(region, "used by Deno Worker");
    return greeting(region);
  }
  region = create(way, where);
  greet(region, "made by Deno Worker");
  return whereabouts(region, way, where);
}
