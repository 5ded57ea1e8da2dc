/** Servers and clients of the tests in processes of their own; a client's server is in its environment. */

import { MmapRegion } from "@mmap/mmap";
import { Client, connect, type Handler, serve } from "@mmap/mmap/channel";
import { SERVER } from "../../../src/channel/kinds.ts";
import { attachPlaced } from "../../../src/channel/place.ts";
import { Meeting } from "../../../src/channel/calls/meeting.ts";
import { checkMeeting } from "../../../src/channel/calls/meeting_layout.ts";
import { act } from "../../_act.ts";
import { descriptorsOf, mapsOf } from "../../_process.ts";
import { handleCount } from "../../_windows_holdings.ts";

const say = (line: unknown): void => console.log(line);

/** Lives until it is killed. */
const stay = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1e6));

/** A server that prints its handle, and lives until it is killed. */
async function serveAndStay(handler: Handler): Promise<void> {
  const server = serve({ capacity: 8192 }, handler);
  say(server.env()["MMAP_SERVER"]);
  await stay();
}

await act({
  async callTogether(): Promise<void> {
    const client = Client.fromEnv();
    const prefix = new TextEncoder().encode(`${Deno.pid}:`);
    await Promise.all(Array.from({ length: 400 }, async (_, i) => {
      const request = new Uint8Array((i * 53) % 6000).fill(i);
      const answer = await client.call(request);
      const wanted = new Uint8Array([...prefix, ...request]);
      if (answer.length !== wanted.length || answer.some((byte, at) => byte !== wanted[at])) {
        throw new Error("another answer");
      }
    }));
    say("done");
    client.close();
  },

  async callAndStay(): Promise<void> {
    const client = Client.fromEnv();
    client.call(new Uint8Array([1]));
    await stay();
  },

  /** Calls until it is killed. */
  async callOn(): Promise<void> {
    const client = Client.fromEnv();
    client.call(new Uint8Array(1)).then(() => say("up"));
    const big = new Uint8Array(10_000);
    while (true) await Promise.all([client.call(big), client.call(new Uint8Array(10))]);
  },

  async callAndExit(): Promise<void> {
    const client = Client.fromEnv();
    client.call(new Uint8Array(1));
    await Deno.stdin.read(new Uint8Array(1));
    Deno.exit(0);
  },

  async callMany(): Promise<void> {
    const client = Client.fromEnv();
    await client.call(new Uint8Array(1));
    const calls = Array.from({ length: 64 }, () => client.call(new Uint8Array(1)));
    say("called");
    const answers = await Promise.all(calls);
    say(answers.every((a) => a.length === 50_000 && a.every((byte) => byte === 7)));
    client.close();
  },

  echo: () => serveAndStay((request) => request),

  /** Answers zeros, and tells of all other calls. */
  hold: () =>
    serveAndStay((request) => {
      if (request[0] === 0) return request;
      say("called");
      return new Promise(() => {});
    }),

  serveAtPath(path: string): void {
    serve({ path }, () => new Uint8Array([1]));
    say("up");
  },

  /** @returns what this process has of servers and connections, while there are some and afterwards */
  /** For Windows, where memory has no name: how many more handles there are after the second time. */
  async countHandlesLeft(): Promise<number> {
    let before = 0;
    for (let time = 0; time < 2; time++) {
      before = handleCount();
      await using server = serve({}, (request) => request);
      for (let i = 0; i < 20; i++) {
        await using client = connect(server.handle());
        await client.call(new Uint8Array(1));
      }
    }
    return handleCount() - before;
  },

  async countLeft(): Promise<unknown> {
    const names = ["mmap server", "mmap connection", "wrong"];
    const descriptors = (): number[] => names.map((name) => descriptorsOf(name).length);
    const maps = (): number[] => names.map((name) => mapsOf(name).length);
    let whileOpen;
    {
      await using server = serve({}, (request) => request);
      for (let i = 0; i < 20; i++) {
        await using client = connect(server.handle());
        await client.call(new Uint8Array(1));
      }
      await using client = connect(server.handle());
      await client.call(new Uint8Array(1));
      using wrong = MmapRegion.anonymous(8192, { label: "wrong" });
      try {
        connect(wrong.handle());
      } catch { /* it holds no server */ }
      while (server.clients > 1) await new Promise((resolve) => setTimeout(resolve, 1));
      whileOpen = descriptors();
    }
    return { whileOpen, after: [...descriptors(), ...maps()] };
  },

  async callObject(): Promise<void> {
    const client = Client.fromEnv();
    const remote = client.object<Record<string, (...args: number[]) => number>>();
    say(await remote["add"]!(20, 22));
    say(await remote["pid"]!());
    say(await remote["nothing"]!().catch((error) => error.constructor.name));
    client.close();
  },

  /** Offers more connections than there are places, and does not make one of them. */
  async offer(): Promise<void> {
    const place = attachPlaced(MmapRegion.fromEnv("MMAP_SERVER"), SERVER, checkMeeting);
    const offered = Array.from({ length: 33 }, () => new Meeting(place).offer("nonsense"));
    say(offered.filter((done) => done).length);
    await stay();
  },
});
