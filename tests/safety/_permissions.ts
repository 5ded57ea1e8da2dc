/**
 * Makes calls under the permissions that it was started with, and prints what each of them throws, or
 * "done". The arguments are what is there before, as JSON, and the calls: bodies of arrow functions.
 */

import { formatHandle, MmapRegion, receiveRegion, sendRegion } from "@mmap/mmap";

const [text, ...calls] = Deno.args as [string, ...string[]];
const before: { opened?: string; cwd?: string; fd?: string } = JSON.parse(text);

if (before.cwd !== undefined) Deno.chdir(before.cwd);

/** What calls may use. */
const names = {
  formatHandle,
  MmapRegion,
  receiveRegion,
  sendRegion,
  region: before.opened === undefined
    ? undefined
    : MmapRegion.open(before.opened, { access: "read-write" }),
  // libc itself knows no permissions.
  fd: before.fd === undefined ? undefined : await openByLibc(before.fd),
};

async function openByLibc(path: string): Promise<number> {
  const { O_RDWR, open } = await import("@mmap/mmap/libc");
  return open(path, O_RDWR);
}

async function resultOf(call: string): Promise<string> {
  const action = new Function(...Object.keys(names), `return () => ${call}`);
  try {
    const made = await action(...Object.values(names))();
    if (made instanceof MmapRegion) made.close();
    return "done";
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

for (const call of calls) console.log(await resultOf(call));
