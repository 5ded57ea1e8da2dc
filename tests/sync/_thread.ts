/** What shows a holder's thread. */

import { system } from "../../src/os/mod.ts";

const { name, processes } = system();

/** This thread's number. */
export const OWN_TID: number = processes.threadOf(processes.thread().number).tid;

/** What a token says in its place: on macOS it has no room for the numbers of threads. */
export const TOKEN_TID: number = name === "darwin" ? Deno.pid : OWN_TID;
