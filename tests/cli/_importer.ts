/** Imports the command line, and says that it can be called. */

import { main } from "@mmap/mmap/cli";

console.log(typeof main);
