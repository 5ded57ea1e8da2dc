/**
 * Loads the library of the system outside any test, so that the resource sanitizer does not count it as
 * a leak.
 */
import { system } from "../src/os/mod.ts";

system().memory.pageSize();
