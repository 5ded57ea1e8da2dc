/** Writes one more behind the byte that it finds in descriptor 3. */

import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.fromFd(3, { access: "read-write" });
region.bytes[1] = region.bytes[0]! + 1;
