/** The examples for servers and for several processes: what they promise, counted. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { run } from "../../examples/demo/programs.ts";
import { type Wanted, wantedBytes } from "../../examples/byte_ranges.ts";
import { fixedWindow, gcra, placeOf } from "../../examples/rate_limits.ts";
import { truncateMeanwhile } from "../_fault_child.ts";
import { withTempDir } from "../_files.ts";
import { compileC, hasProgram } from "../_gcc.ts";
import { Served } from "../_served.ts";
import type { Order } from "./_rate_worker.ts";

/**
 * Sends requests, many at once, until there are as many answers and several Workers have answered: all
 * accept from one queue, so a burst may go to one of them.
 */
async function spread(least: number, request: () => Promise<Response>): Promise<Response[]> {
  const responses: Response[] = [];
  const workers = new Set<string | null>();
  while (responses.length < least || workers.size < 2) {
    const some = await Promise.all(Array.from({ length: 30 }, request));
    some.forEach(({ headers }) => workers.add(headers.get("x-worker")));
    responses.push(...some);
  }
  return responses;
}

/** How many requests of a client are let through. */
async function passedOf(
  served: Served,
  path: string,
  client: string,
  least: number,
): Promise<number> {
  const headers = { "x-api-key": client };
  const responses = await spread(least, () => served.fetch(path, { headers }));
  for (const response of responses) await response.body?.cancel();
  return responses.filter(({ status }) => status === 200).length;
}

Deno.test({
  name: "rate_limiter.ts lets through exactly what it says, over Workers and restarts",
  fn: () =>
    withTempDir(async (dir) => {
      {
        await using served = await Served.start("rate_limiter.ts", dir);
        assertEquals(await passedOf(served, "/window", "Ann", 120), 100);
        assertEquals(await passedOf(served, "/window", "Bo", 120), 100);
        assertEquals(await passedOf(served, "/gcra", "Ann", 30), 10);
      }
      await using again = await Served.start("rate_limiter.ts", dir);
      assertEquals(await passedOf(again, "/window", "Ann", 30), 0);
      assertEquals(await passedOf(again, "/window", "Cleo", 120), 100);
    }),
});

/** How many of `calls` pass. */
function passed(calls: number, passes: () => boolean): number {
  return Array.from({ length: calls }, passes).filter(Boolean).length;
}

Deno.test("fixedWindow() begins anew when its window is over, and not before", () => {
  const words = new BigInt64Array(2);
  const options = { limit: 3, windowMs: 1000 };
  const now = 1_800_000_000_000;
  assertEquals(passed(5, () => fixedWindow(words, 1, options, now)), 3);
  assertEquals(passed(5, () => fixedWindow(words, 1, options, now + 999)), 0);
  assertEquals(passed(5, () => fixedWindow(words, 1, options, now + 1000)), 3);
  assertEquals(words[0], 0n);
});

Deno.test("fixedWindow() counts exactly while two threads ask all the time", async () => {
  using region = MmapRegion.anonymous(4096);
  const order: Order = { handle: region.handle(), calls: 1_000_000, limit: 1_000_000, now: 1 };
  const counts = await Promise.all([0, 1].map(() => {
    const worker = new Worker(import.meta.resolve("./_rate_worker.ts"), { type: "module" });
    return new Promise<number>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = reject;
      worker.postMessage(order);
    }).finally(() => worker.terminate());
  }));
  assertEquals(counts[0]! + counts[1]!, 1_000_000);
});

Deno.test("gcra() lets one through each interval, and a burst after a pause", () => {
  const words = new BigInt64Array(1);
  const options = { intervalMs: 100, burst: 4 };
  const now = 1_800_000_000_000;
  assertEquals(passed(9, () => gcra(words, 0, options, now)), 4);
  assertEquals(passed(9, () => gcra(words, 0, options, now + 99)), 0);
  assertEquals(passed(9, () => gcra(words, 0, options, now + 100)), 1);
  assertEquals(passed(9, () => gcra(words, 0, options, now + 350)), 2);
  assertEquals(passed(9, () => gcra(words, 0, options, now + 1_000_000)), 4);
});

Deno.test("placeOf() spreads clients over all places", () => {
  const places = Array.from({ length: 10_000 }, (_, i) => placeOf(`10.0.${i >> 8}.${i & 255}`, 64));
  const counts = Map.groupBy(places, (place) => place).values().map(({ length }) => length);
  for (const count of counts) assert(count > 78 && count < 312, `${count} of 10000 in one of 64`);
  assertEquals(new Set(places).size, 64);
});

Deno.test("job_queue.ts does every job, though two workers are killed", async () => {
  assertEquals(await run("job_queue.ts"), [
    "a worker died before it had noted its job: it is in the queue still",
    "a worker died after it had noted its job: it is in the queue again",
    "40 jobs are done, the sum of their squares is 20540",
  ]);
});

Deno.test("leader.ts has a new leader whenever the old one is killed", async () => {
  assertEquals(await run("leader.ts"), [
    "term 1: a leader, the one before it died: false",
    "term 2: a leader, the one before it died: true",
    "term 3: a leader, the one before it died: true",
    "3 processes have led",
  ]);
});

Deno.test("feature_flags.ts changes what a running process does", async () => {
  assertEquals(await run("feature_flags.ts"), [
    "before:     Hello, this is the old checkout",
    "turned on:  Hello, this is the new checkout",
    "turned off: Welcome back, this is the old checkout",
    "the shop ended well: true",
  ]);
});

/** A part, as first and last byte. */
const part = (first: number, last: number): Wanted => ({
  byteOffset: first,
  byteLength: last - first + 1,
});

Deno.test("wantedBytes() understands ranges, and ignores what is none", () => {
  const cases: Record<string, Wanted> = {
    "bytes=0-0": part(0, 0),
    "bytes=10-19": part(10, 19),
    "bytes=90-": part(90, 99),
    "bytes=90-1000": part(90, 99),
    "bytes=-1": part(99, 99),
    "bytes=-1000": part(0, 99),
    "Bytes=99-99": part(99, 99),
    "bytes=100-": "none",
    "bytes=100-200": "none",
    "bytes=-0": "none",
    "bytes=99999999999999999999-99999999999999999999": "none",
    "bytes=5-3": "all",
    "bytes=200-100": "all",
    "bytes=-": "all",
    "bytes=0-1,5-6": "all",
    "bytes=a-b": "all",
    "pages=0-1": "all",
    "": "all",
  };
  for (const [range, wanted] of Object.entries(cases)) {
    const request = new Request("http://localhost/", { headers: { range } });
    assertEquals(wantedBytes(request, 100, '"1"'), wanted, range);
  }
  const head = new Request("http://localhost/", {
    method: "HEAD",
    headers: { range: "bytes=0-0" },
  });
  assertEquals(wantedBytes(head, 100, '"1"'), "all");
});

Deno.test({
  name: "serve_file.ts serves parts of a file, and the whole one to who has another",
  fn: () =>
    withTempDir(async (dir) => {
      const path = join(dir, "film");
      const bytes = Uint8Array.from({ length: 300_001 }, (_, i) => i % 251);
      await Deno.writeFile(path, bytes);
      await using served = await Served.start("serve_file.ts", dir, path);
      const get = async (
        headers: Record<string, string>,
      ): Promise<[number, string | null, string | null, Uint8Array]> => {
        const response = await served.fetch("/", { headers });
        const named = ["content-range", "content-length"].map((name) => response.headers.get(name));
        return [response.status, named[0]!, named[1]!, await response.bytes()];
      };
      assertEquals(await get({}), [200, null, "300001", bytes]);
      const middle = bytes.slice(70_000, 200_000); // not at the bounds of chunks
      assertEquals(
        await get({ range: "bytes=70000-199999" }),
        [206, "bytes 70000-199999/300001", "130000", middle],
      );
      assertEquals(
        await get({ range: "bytes=-1" }),
        [206, "bytes 300000-300000/300001", "1", bytes.slice(-1)],
      );
      assertEquals((await get({ range: "bytes=300001-" })).slice(0, 2), [416, "bytes */300001"]);

      const head = await served.fetch("/", { method: "HEAD" });
      assertEquals([head.status, head.headers.get("content-length")], [200, "300001"]);
      const etag = head.headers.get("etag")!;
      const range = "bytes=70000-199999";
      assertEquals((await get({ range, "if-range": etag }))[0], 206);
      assertEquals(await get({ range, "if-range": '"of another"' }), [200, null, "300001", bytes]);
      const put = await served.fetch("/", { method: "PUT" });
      assertEquals([put.status, put.headers.get("allow")], [405, "GET, HEAD"]);
      await put.body?.cancel();
    }),
});

Deno.test({
  name: "serve_file.ts breaks off when its file was cut off, and sends no zeros",
  fn: () =>
    withTempDir(async (dir) => {
      const path = join(dir, "film");
      await Deno.writeFile(path, new Uint8Array(1 << 20).fill(7));
      await using served = await Served.start("serve_file.ts", dir, path);
      const whole = await served.fetch("/");
      assertEquals((await whole.bytes()).length, 1 << 20);
      await truncateMeanwhile(path, 4096);
      const first = await served.fetch("/", { headers: { range: "bytes=0-4095" } });
      assertEquals(await first.bytes(), new Uint8Array(4096).fill(7));
      const cut = await served.fetch("/", { headers: { range: "bytes=8192-" } });
      await assertRejects(() => cut.bytes());
    }),
});

Deno.test({
  name: "sessions.ts knows a session in each Worker, and after a restart",
  fn: () =>
    withTempDir(async (dir) => {
      let cookie: string;
      let visits: number;
      {
        await using served = await Served.start("sessions.ts", dir);
        const login = await served.fetch("/login?user=Ada", { method: "POST" });
        cookie = `theme=dark; session=${await login.text()}`;
        assert(login.headers.get("set-cookie")!.startsWith(cookie.slice(12)));
        const responses = await spread(50, () => served.fetch("/", { headers: { cookie } }));
        const texts = await Promise.all(responses.map((response) => response.text()));
        // Each visit has a number of its own: none was lost between the Workers.
        const numbers = texts.map((text) => Number(/^Ada (\d+)$/.exec(text)?.[1]));
        visits = responses.length;
        assertEquals(numbers.sort((a, b) => a - b), numbers.map((_, i) => i + 1));
      }
      await using again = await Served.start("sessions.ts", dir);
      const visit = async () => await (await again.fetch("/", { headers: { cookie } })).text();
      assertEquals(await visit(), `Ada ${visits + 1}`);
      const logout = await again.fetch("/logout", { method: "POST", headers: { cookie } });
      assertEquals(await logout.text(), "bye\n");
      assertEquals(await visit(), "log in first\n");
    }),
});

Deno.test({
  name: "response_cache.ts makes each page once, whoever asks for it",
  fn: () =>
    withTempDir(async (dir) => {
      await using served = await Served.start("response_cache.ts", dir);
      for (const path of ["/a", "/b", "/c"]) {
        const responses = await spread(40, () => served.fetch(path));
        const headers = (name: string) =>
          new Set(responses.map((response) => response.headers.get(name)));
        await Promise.all(responses.map((response) => response.text()));
        assertEquals([headers("x-made"), headers("x-made-by").size], [new Set(["1"]), 1]);
      }
    }),
});

Deno.test({
  name: "pthread_mutex.ts counts with a C program under its mutex, also after that was killed",
  ignore: Deno.build.os !== "linux" || !hasProgram("gcc"),
  fn: () =>
    withTempDir(async (dir) => {
      const source = new URL("../../examples/c/pthread_counter.c", import.meta.url);
      const program = join(dir, "pthread_counter");
      const args = ["-Wall", "-Werror", "-pthread", "-o", program];
      await compileC(await Deno.readTextFile(source), { args });
      assertEquals(await run("pthread_mutex.ts", { args: [program] }), [
        "together they counted to 200000",
        "its holder died: true",
        "next time: false, 200000",
      ]);
    }),
});
