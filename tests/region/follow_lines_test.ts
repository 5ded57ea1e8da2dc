/** followLines(): the lines of a file that grows, is replaced, cut, or not there yet. */

import { followLines, type FollowLinesOptions } from "@mmap/mmap";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl, join, toFileUrl } from "@std/path";
import { holdings, notOnMac } from "../_capabilities.ts";
import { descriptorsOf } from "../_process.ts";
import { silentPipe } from "../_fifo.ts";
import { makeLink, onBothFileSystems, withTempDir, ZERO_DEVICE } from "../_files.ts";

const PROGRAM = fromFileUrl(new URL("_following.ts", import.meta.url));

/** Appends, or makes the file. */
function append(path: string, text: string | Uint8Array<ArrayBuffer>): void {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  Deno.writeFileSync(path, bytes, { append: true });
}

/** The lines of a file, to be asked for one after the other, and what was told of rotations. */
class Reader implements AsyncDisposable {
  readonly rotations: string[] = [];
  readonly #lines: AsyncIterator<string>;
  readonly #watchdog = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(path: string | URL, options: FollowLinesOptions = {}) {
    this.#timer = setTimeout(() => this.#watchdog.abort(new Error("no line came")), 60_000);
    const onRotate = (why: string): void => void this.rotations.push(why);
    const { signal } = this.#watchdog;
    this.#lines = followLines(path, { onRotate, signal, ...options })[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const { value, done } = await this.#lines.next();
      assert(!done);
      lines.push(value);
    }
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#lines.return!();
  }
}

onBothFileSystems("followLines() begins at the present end, or at the start", async (dir) => {
  const path = `${dir}/log`;
  append(path, "old\n");
  await using fromEnd = new Reader(path);
  await using fromStart = new Reader(toFileUrl(path), { from: "start" });
  append(path, "new\r\nänd\n\nlast\n");
  assertEquals(await fromEnd.take(4), ["new", "änd", "", "last"]);
  assertEquals(await fromStart.take(5), ["old", "new", "änd", "", "last"]);
});

Deno.test("followLines() counts what comes between its call and the first line", () =>
  withTempDir(async (dir) => {
    const path = `${dir}/log`;
    append(path, "old\n");
    await using reader = new Reader(path);
    append(path, "one\n");
    assertEquals(await reader.take(1), ["one"]);
    await using other = new Reader(path);
    Deno.renameSync(path, `${path}.1`);
    append(path, "of another file, which is longer\n");
    assertEquals(await other.take(1), ["of another file, which is longer"]);
    await using third = new Reader(path);
    Deno.truncateSync(path, 0);
    append(path, "cut\n");
    assertEquals([await third.take(1), third.rotations], [["cut"], ["truncated"]]);
  }));

onBothFileSystems("followLines() waits for a file that is missing or empty", async (dir) => {
  for (const from of ["start", "end"] as const) {
    const folder = `${dir}/${from}`;
    await using inNoFolder = new Reader(`${folder}/log`, { from });
    const waiting = inNoFolder.take(2);
    Deno.mkdirSync(folder);
    append(`${folder}/log`, "first\nsecond\n");
    assertEquals(await waiting, ["first", "second"]);
    append(`${dir}/empty`, "");
    await using empty = new Reader(`${dir}/empty`, { from });
    append(`${dir}/empty`, "here\n");
    assertEquals(await empty.take(1), ["here"]);
    assertEquals([...inNoFolder.rotations, ...empty.rotations], []);
    Deno.removeSync(`${dir}/empty`);
  }
});

onBothFileSystems("followLines() keeps half a line until its end is there", async (dir) => {
  const path = `${dir}/log`;
  const euro = new TextEncoder().encode("€\n");
  append(path, "");
  await using reader = new Reader(path);
  append(path, "one\nha");
  assertEquals(await reader.take(1), ["one"]);
  const half = reader.take(1);
  append(path, "lf ");
  for (const byte of euro) {
    await new Promise((resolve) => setTimeout(resolve)); // some of them are read one by one
    append(path, Uint8Array.of(byte));
  }
  assertEquals(await half, ["half €"]);
  const long = "é".repeat(3 << 20); // of several reads, which cut letters
  append(path, `x${long}\n`);
  assertEquals((await reader.take(1))[0] === `x${long}`, true);
});

onBothFileSystems(
  "followLines() reads a renamed file to its end, then the new one",
  async (dir) => {
    const path = `${dir}/log`;
    append(path, "a\n");
    await using reader = new Reader(path, { from: "start" });
    for (let i = 0; i < 5; i++) {
      assertEquals(await reader.take(1), ["a"]);
      assertEquals(reader.rotations.length, i);
      Deno.renameSync(path, `${path}.${i}`);
      append(`${path}.${i}`, "late\nhalf");
      assertEquals(await reader.take(1), ["late"]); // there is no new one yet
      append(path, "a\n");
      assertEquals(await reader.take(1), ["half"]);
    }
    assertEquals(await reader.take(1), ["a"]);
    assertEquals(reader.rotations, Array(5).fill("renamed"));
  },
);

onBothFileSystems("followLines() takes a file that was removed and made again", async (dir) => {
  const path = `${dir}/log`;
  append(path, "a\n");
  await using reader = new Reader(path, { from: "start" });
  assertEquals(await reader.take(1), ["a"]);
  Deno.removeSync(path);
  append(path, "a\n");
  assertEquals(await reader.take(1), ["a"]);
  assertEquals(reader.rotations, ["renamed"]);
});

onBothFileSystems("followLines() follows a link that took the place of a file", async (dir) => {
  const path = `${dir}/log`;
  append(path, "a\n");
  await using reader = new Reader(path, { from: "start" });
  assertEquals(await reader.take(1), ["a"]);
  Deno.removeSync(path);
  await makeLink(join(dir, "target"), path);
  append(`${dir}/target`, "linked\n");
  assertEquals(await reader.take(1), ["linked"]);
  assertEquals(reader.rotations, ["renamed"]);
});

onBothFileSystems("followLines() begins anew in a file that was cut", async (dir) => {
  const path = `${dir}/log`;
  append(path, "first\nsecond\nhalf");
  await using reader = new Reader(path, { from: "start" });
  assertEquals(await reader.take(2), ["first", "second"]);
  const next = reader.take(2);
  Deno.truncateSync(path, 0);
  append(path, "new\n");
  assertEquals(await next, ["half", "new"]);
  assertEquals(reader.rotations, ["truncated"]);
});

Deno.test("followLines() ends by throwing the signal's reason", () =>
  withTempDir(async (dir) => {
    const path = `${dir}/log`;
    append(path, "one\ntwo\nthree\n");
    const reason = new Error("enough");
    const aborted = followLines(path, { signal: AbortSignal.abort(reason) });
    assertEquals(await assertRejects(() => aborted[Symbol.asyncIterator]().next()), reason);
    const stop = new AbortController();
    const lines = followLines(path, { signal: stop.signal })[Symbol.asyncIterator]();
    const waiting = assertRejects(() => lines.next());
    stop.abort(reason);
    assertEquals(await waiting, reason);
    assertEquals(await lines.next(), { done: true, value: undefined });
    const seen: string[] = [];
    const between = new AbortController();
    const end = assertRejects(async () => {
      for await (const line of followLines(path, { from: "start", signal: between.signal })) {
        seen.push(line);
        between.abort(reason);
      }
    });
    assertEquals([await end, seen], [reason, ["one"]]);
  }));

Deno.test("followLines() lets timers run while it has much to read", () =>
  withTempDir(async (dir) => {
    const path = `${dir}/log`;
    append(path, "x\n".repeat(8 << 20));
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")));
    let count = 0;
    await assertRejects(async () => {
      for await (const _ of followLines(path, { from: "start", signal: stop.signal })) count++;
    }, "enough");
    assert(count < 8 << 20, "the timer never ran");
  }));

Deno.test("followLines() returns while it waits for a line", () =>
  withTempDir(async (dir) => {
    const lines = followLines(`${dir}/none`)[Symbol.asyncIterator]();
    const waiting = lines.next();
    assertEquals(await lines.return!(), { done: true, value: undefined });
    assertEquals(await waiting, { done: true, value: undefined });
    const unused = followLines(`${dir}/none`)[Symbol.asyncIterator]();
    await unused.return!();
    assertEquals(await unused.next(), { done: true, value: undefined });
  }));

Deno.test({
  name: "followLines() leaves no descriptor behind, however it ends",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const path = `${dir}/log`;
      append(path, "a\n");
      const count = (): number => descriptorsOf(dir).length;
      const once = async (): Promise<void> => {
        for await (const _ of followLines(path, { from: "start" })) break;
        const stop = new AbortController();
        await assertRejects(async () => {
          const signal = stop.signal;
          for await (const _ of followLines(path, { from: "start", signal })) stop.abort();
        });
        const onRotate = (): void => {
          throw new Error("no");
        };
        await assertRejects(async () => {
          for await (const _ of followLines(path, { from: "start", onRotate })) {
            Deno.renameSync(path, `${path}.1`);
            append(path, "a\n");
          }
        }, "no");
        for await (const line of followLines(path, { from: "start" })) {
          if (line === "late") break;
          append(path, "late\n"); // there is still more when another file comes
          Deno.renameSync(path, `${path}.1`);
          append(path, "a\n");
        }
        followLines(path); // which nobody reads
      };
      await once();
      const before = count();
      for (let i = 0; i < 5; i++) await once();
      assertEquals(count(), before);
    }),
});

Deno.test("followLines() refuses what is no regular file, and wrong options", () =>
  withTempDir(async (dir) => {
    assertThrows(() => followLines(dir), Deno.errors.IsADirectory, dir);
    // deno-lint-ignore no-explicit-any -- what the compiler would refuse
    const wrong = (options: any, text: string): void => {
      assertThrows(() => followLines(dir, options), TypeError, text);
    };
    wrong({ from: "middle" }, '"start" or "end"');
    wrong({ onRotate: true }, "function");
    wrong({ signal: {} }, "AbortSignal");
    wrong({ follow: true }, "'follow'");
    wrong(null, "object");
    assertThrows(() => followLines(5 as never), TypeError);
    await using reader = new Reader(`${dir}/later`);
    const waiting = assertRejects(() => reader.take(1), Deno.errors.IsADirectory);
    Deno.mkdirSync(`${dir}/later`);
    await waiting;
  }));

Deno.test({
  name: "followLines() refuses devices and FIFOs",
  ignore: notOnMac.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      assertThrows(() => followLines(ZERO_DEVICE), Deno.errors.NotSupported, "regular");
      using pipe = await silentPipe(dir);
      assertThrows(() => followLines(pipe.path), Deno.errors.NotSupported, "regular");
    }),
});

/** What the program prints that prints the first line of a file. */
async function firstLine(
  path: string,
  ...flags: string[]
): Promise<{ code: number; out: string }> {
  const config = `--config=${fromFileUrl(new URL("../../deno.json", import.meta.url))}`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", config, ...flags, PROGRAM, path],
  }).output();
  return { code, out: new TextDecoder().decode(code === 0 ? stdout : stderr) };
}

Deno.test("followLines() needs --allow-ffi and nothing else, and respects --deny-read", () =>
  withTempDir(async (dir) => {
    const path = `${dir}/log`;
    append(path, "first\n");
    assertEquals(await firstLine(path, "--allow-ffi"), { code: 0, out: "first\n" });
    const denied = await firstLine(path, "--allow-ffi", `--deny-read=${dir}`);
    assertEquals(denied.code, 1);
    assertStringIncludes(denied.out, "NotCapable");
  }));

Deno.test("followLines() respects --deny-read where a link leads", () =>
  withTempDir(async (dir) => {
    const path = `${dir}/log`;
    append(path, "first\n");
    Deno.mkdirSync(`${dir}/secret`);
    Deno.renameSync(path, `${dir}/secret/log`);
    await makeLink(join(dir, "secret", "log"), path);
    assertEquals(await firstLine(path, "--allow-ffi"), { code: 0, out: "first\n" });
    const linked = await firstLine(path, "--allow-ffi", `--deny-read=${dir}/secret`);
    assertEquals(linked.code, 1);
    assertStringIncludes(linked.out, "NotCapable");
  }));
