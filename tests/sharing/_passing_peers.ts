/** The other sides of regions that go over a socket, some of them as another user. */

import { MmapRegion, receiveRegion, sendRegion, type SystemError } from "@mmap/mmap";
import { newStruct, windows } from "../../ffi/windows/library.ts";
import { writeMessage } from "../../src/os/windows/pipes.ts";
import { act, stdinEnds } from "../_act.ts";
import { dropPrivileges } from "../_process.ts";
import { messageOf, withSender } from "../_windows_pipes.ts";

/** Takes a region, and writes 2 where it finds 1. @returns what it got */
async function receive(path: string): Promise<unknown> {
  const got = receiveRegion(path);
  console.log("waiting");
  using region = await got;
  if (region.bytes[0] === 1) region.bytes[1] = 2;
  const { kind, access, byteLength } = region;
  return { kind, access, byteLength };
}

/** @returns what was sent */
async function send(path: string, byteLength: number): Promise<number> {
  using region = MmapRegion.anonymous(byteLength);
  region.bytes[0] = 7;
  await sendRegion(region, path);
  return byteLength;
}

/** Greets a sender on Windows, and does not take what it offers. */
async function greet(path: string, magic: number): Promise<void> {
  const greeting = newStruct(8);
  greeting.view.setUint32(0, magic, true);
  greeting.view.setUint32(4, windows().CreateEventW(null, 0, 0, null), true);
  await withSender(path, async (pipe) => {
    writeMessage(pipe, greeting.bytes);
    await messageOf(pipe);
    console.log("offered");
    await stdinEnds();
  });
}

/** Does the same as nobody. @returns the error, if there is one */
function asNobody<Args extends unknown[]>(
  action: (...args: Args) => Promise<unknown>,
): (...args: Args) => Promise<unknown> {
  return async (...args) => {
    MmapRegion.anonymous(1).close(); // loads libc
    dropPrivileges();
    console.log("ready");
    try {
      return await action(...args);
    } catch (error) {
      const { name, code, syscall } = error as SystemError;
      return [name, code, syscall];
    }
  };
}

await act({
  greet,
  receive,
  send,
  receiveAsNobody: asNobody(receive),
  sendAsNobody: asNobody(send),
});
