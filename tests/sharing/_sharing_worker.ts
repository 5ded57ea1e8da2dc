/** A Worker that is given a region, a layout, a channel and a server, and uses each. */

import { MmapRegion, received } from "@mmap/mmap";
import { Channel, connect } from "@mmap/mmap/channel";
import { layOut, Mutex } from "@mmap/mmap/sync";
import { struct, u32 } from "@mmap/mmap/struct";
import { scope } from "../_act.ts";

/** As in the test. */
const Shared = layOut({ mutex: Mutex, state: struct({ count: u32 }) });

scope.onmessage = async (event) => {
  const { region, layout, jobs, calls } = received(event, {
    region: MmapRegion,
    layout: Shared,
    jobs: Channel,
    calls: { attach: connect },
  });
  region.bytes[0]! += 1;
  {
    using _guard = layout.mutex.lockSync();
    layout.state.count += 1;
  }
  const job = await jobs.receive();
  scope.postMessage(await calls.call(job!));
  calls.close();
  jobs.close();
  layout.close();
  region.close();
};
