/** The command line where no shared memory has a name. */

import { main } from "@mmap/mmap/cli";
import { replaceSystem, system } from "../../src/os/mod.ts";

const { named, ...others } = system();
replaceSystem({ ...others, named: { ...named, list: () => [] } });
Deno.exit(await main(Deno.args));
