/** Permissions that Deno asks for: at its prompt, by a broker, or for a path alone. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { splitLines } from "../_child.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = fromFileUrl(new URL("_asking.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

/** `script` of util-linux gives a program a terminal. */
const noTerminal = Deno.build.os !== "linux" || !await runs("script", ["--version"]);

async function runs(command: string, args: string[]): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command(command, { args }).output();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}

function command(action: string, ...flags: string[]): string[] {
  const args = ["run", "--no-check", "--quiet", `--config=${CONFIG}`, ...flags, PROGRAM];
  return [Deno.execPath(), ...args, JSON.stringify(action)];
}

const QUESTION = /Allow\? \[[^>]*> /;

/** Runs a program in a terminal and gives each question the same answer. @returns what it printed */
async function answered(args: string[], answer: string, cwd: string): Promise<string> {
  const quoted = args.map((arg) => `'${arg}'`).join(" ");
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", quoted, "/dev/null"],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const keyboard = child.stdin.getWriter();
  const patience = setTimeout(() => child.kill("SIGKILL"), 60_000);
  let asked = false;
  // Deno forgets what was typed before it listens, and does not say when that begins.
  const typing = setInterval(() => {
    if (asked) keyboard.write(new TextEncoder().encode(`${answer}\n`)).catch(() => {});
  }, 100);
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    asked = QUESTION.test(text.slice(text.lastIndexOf("Granted") + 1));
  }
  clearInterval(typing);
  clearTimeout(patience);
  await keyboard.close().catch(() => {});
  const { code, signal } = await child.status;
  assertEquals({ code, signal }, { code: 0, signal: null }, text);
  return text;
}

for (const answer of ["A", "y"]) {
  for (const action of ["here", "inWorkerToo"]) {
    Deno.test({
      name: `A program ${action} works if its user answers "${answer}"`,
      ignore: noTerminal,
      fn: () =>
        withTempDir(async (dir) => {
          const flags = action === "here" ? [] : ["--allow-read"];
          const text = await answered(command(action, ...flags), answer, dir);
          const count = action === "here" ? 1 : 2;
          assertEquals(text.match(/works: 7, on/g)?.length, count, text);
        }),
    });
  }
}

Deno.test({
  name: "A program works with a permission broker",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withTempDir(async (dir) => {
      const path = `${dir}/broker`;
      using listener = Deno.listen({ transport: "unix", path });
      const serving = (async () => {
        using connection = await listener.accept();
        const lines = connection.readable.pipeThrough(new TextDecoderStream())
          .pipeThrough(splitLines());
        const writer = connection.writable.getWriter();
        for await (const line of lines) {
          const { id } = JSON.parse(line);
          await writer.write(
            new TextEncoder().encode(`${JSON.stringify({ id, result: "allow" })}\n`),
          );
        }
      })();
      const [deno, ...args] = command("here");
      const { code, stdout, stderr } = await new Deno.Command(deno!, {
        args,
        cwd: dir,
        env: { DENO_PERMISSION_BROKER_PATH: path },
      }).output();
      await serving;
      const printed = new TextDecoder().decode(stdout);
      assertEquals([code, printed], [0, "works: 7, on\n"], new TextDecoder().decode(stderr));
    }),
});

Deno.test({
  name: "--allow-ffi with libc's path is refused with a sentence that says what is needed",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { libcPaths } = (await import("../../ffi/platform.ts")).platform();
    const [deno, ...args] = command("here", "--no-prompt", `--allow-ffi=${libcPaths.join(",")}`);
    const { code, stderr } = await new Deno.Command(deno!, { args }).output();
    assertEquals(code, 1);
    assertStringIncludes(new TextDecoder().decode(stderr), "plain --allow-ffi");
  },
});
