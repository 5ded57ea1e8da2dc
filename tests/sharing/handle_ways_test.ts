/** The ways that a handle takes to another process: it is text, and needs nothing else. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { join } from "@std/path";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Child, resultOf } from "../_child.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { withName } from "./_names.ts";

/** Regions that a handle can be of. */
async function onEachKind(body: (region: MmapRegion, dir: string) => Promise<void>): Promise<void> {
  await withTempDir((dir) =>
    withName(async (name) => {
      const regions = [
        () => MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" }),
        () => MmapRegion.anonymous(PAGE),
        () => MmapRegion.named(name, { createNew: true, byteLength: PAGE }),
      ];
      for (const make of regions) {
        using region = make();
        region.bytes[0] = 1;
        await body(region, dir);
        assertEquals([region.bytes[0], region.bytes[1]], [1, 2], region.kind);
      }
    })
  );
}

const PROGRAM = new URL("_attaching.ts", import.meta.url);

const AS_STRING = { type: "string", byteLength: PAGE };
const AS_JSON = { type: "object", byteLength: PAGE };

Deno.test("a handle goes through the environment", () =>
  onEachKind(async (region) => {
    const env = { HERE: formatHandle(region.handle()) };
    assertEquals(await resultOf(PROGRAM, { args: ["fromEnvironment"], env }), AS_STRING);
  }));

Deno.test(
  "a handle goes through the arguments, as a string and as JSON",
  () =>
    onEachKind(async (region) => {
      const asString = { args: ["fromArguments", formatHandle(region.handle())] };
      assertEquals(await resultOf(PROGRAM, asString), AS_STRING);
      region.bytes[1] = 0;
      const asJson = { args: ["fromArguments", region.handle()] };
      assertEquals(await resultOf(PROGRAM, asJson), AS_JSON);
    }),
);

Deno.test("a handle goes through a file", () =>
  onEachKind(async (region, dir) => {
    const path = join(dir, "handle.json");
    await Deno.writeTextFile(path, JSON.stringify(region.handle()));
    assertEquals(await resultOf(PROGRAM, { args: ["fromFile", path] }), AS_JSON);
  }));

Deno.test("a handle goes through a pipe", () =>
  onEachKind(async (region) => {
    await using child = new Child(PROGRAM, { args: ["fromPipe"] });
    await child.writeLine(formatHandle(region.handle()));
    const ended = child.ended();
    assertEquals(JSON.parse(await child.readLine()), AS_STRING);
    assertEquals((await ended).success, true);
  }));

Deno.test(
  "formatHandle() gives one short word that no shell touches",
  () =>
    onEachKind(async (region) => {
      const text = formatHandle(region.handle());
      assertEquals([text.length < 400, /^[\w:&=%.+*-]+$/.test(text)], [true, true], text);
      await resultOf(PROGRAM, { args: ["fromArguments", text] });
    }),
);

Deno.test(
  "MmapRegion.shareWith() adds the handle and leaves the options alone",
  async () => {
    using region = MmapRegion.anonymous(PAGE);
    const options: Deno.CommandOptions = {
      args: ["eval", `console.log(Deno.env.get("OWN"), Deno.env.get("MMAP_REGION"))`],
      env: { OWN: "kept", NO_COLOR: "1" },
      stdout: "piped",
    };
    const before = structuredClone(options);
    const shared = region.shareWith(options);
    assertEquals(options, before);
    const text = formatHandle(region.handle());
    assertEquals(shared, { ...before, env: { ...before.env, MMAP_REGION: text } });
    assertStrictEquals(shared.args, options.args);
    const { stdout } = await new Deno.Command(Deno.execPath(), shared).output();
    assertEquals(new TextDecoder().decode(stdout), `kept ${text}\n`);
    assertEquals(region.shareWith({}, "OTHER"), { env: { OTHER: text } });
  },
);

const NOT_PASSED = "MMAP_TEST_NOT_PASSED";

Deno.test("MmapRegion.shareWith() keeps clearEnv and several regions apart", async () => {
  using first = MmapRegion.anonymous(PAGE);
  using second = MmapRegion.anonymous(PAGE);
  const names = JSON.stringify(["FIRST", "SECOND", "MMAP_REGION", NOT_PASSED]);
  const options = second.shareWith(
    first.shareWith({
      args: ["run", "-A", "--quiet", PROGRAM.pathname, '"fromTwoVariables"', names],
      env: { HOME: Deno.env.get("HOME") ?? "" },
      clearEnv: true,
      cwd: new URL("../../", import.meta.url),
    }, "FIRST"),
    "SECOND",
  );
  Deno.env.set(NOT_PASSED, "1");
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  Deno.env.delete(NOT_PASSED);
  const text = new TextDecoder();
  assertEquals(JSON.parse(text.decode(stdout) || text.decode(stderr)), ["FIRST", "SECOND"]);
  assertEquals([first.bytes[0], second.bytes[0]], [1, 2]);
});
