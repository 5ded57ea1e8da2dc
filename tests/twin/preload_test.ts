/** A Deno that believes that it runs on macOS. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { buildTwin, type TwinOptions } from "../../tools/darwin/build.ts";
import { hasProgram } from "../_gcc.ts";
import { LACKING } from "./_lacking.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const ignore = Deno.build.os !== "linux" || !hasProgram("gcc");

/** What an action of `_believer.ts` prints, started as `deno run` with these permissions. */
async function believes(
  action: string,
  { permissions = ["-A"], ...options }: TwinOptions & { permissions?: string[] } = {},
): Promise<unknown> {
  await using twin = await buildTwin(options);
  const { success, stdout, stderr } = await new Deno.Command(twin.deno, {
    args: ["run", "--no-check", "--quiet", "--unstable-worker-options", ...permissions]
      .concat([`--config=${ROOT}deno.json`, fromFileUrl(new URL("_believer.ts", import.meta.url))])
      .concat([JSON.stringify(action)]),
    env: { NO_COLOR: "1" },
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals([success, twin.objects()], [true, []], error);
  return JSON.parse(out!);
}

Deno.test({
  name: "a Deno on the twin believes in it, with --allow-ffi alone",
  ignore,
  fn: async () =>
    assertEquals(await believes("machine", { permissions: ["--allow-ffi"] }), ["darwin", 3]),
});

Deno.test({
  name: "its children believe too, started by Deno, by Node's library or by a shell",
  ignore,
  fn: async () => assertEquals(await believes("children"), ["darwin", "darwin", "darwin"]),
});

Deno.test({
  name: "its Workers believe too: of files, of data and of blobs, with permissions of their own",
  ignore,
  fn: async () => assertEquals(await believes("workers"), Array(5).fill("darwin")),
});

Deno.test({
  name: "what libSystem has not is absent, whatever glibc has",
  ignore,
  async fn(): Promise<void> {
    assertEquals(await believes("absent"), LACKING);
    assertEquals(await believes("old", { old: true }), [true, false]);
    assertEquals(await believes("old"), [false, false]);
  },
});

Deno.test({
  name: "on Apple silicon a variadic argument must lie on the stack",
  ignore,
  async fn(): Promise<void> {
    const [told, opened] = await believes("variadic", { arch: "aarch64" }) as [string, boolean];
    assertStringIncludes(told, "A variadic argument of open() is in a register");
    assertEquals(opened, true);
  },
});
