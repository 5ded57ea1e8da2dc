/**
 * Loads the libraries of the system outside any test, so that the resource sanitizer does not count them
 * as leaks.
 */
import { pipes } from "../ffi/windows/pipes.ts";
import { system } from "../src/os/mod.ts";

system().memory.pageSize();
if (system().name === "windows") pipes();
