/** Small trees of source files for the checks to look at. */

import { dirname, join } from "@std/path";
import { withTempDir } from "../_files.ts";

/** Runs `body` on a new directory that holds these files, by their paths; afterwards it is gone. */
export function withTree(
  files: Readonly<Record<string, string>>,
  body: (root: string) => void | Promise<void>,
): Promise<void> {
  return withTempDir(async (root) => {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(root, dirname(path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    await body(root);
  });
}

/** Runs one of the project's checks as its command does, in `root`. */
export async function runTool(
  name: string,
  root: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-read=.", new URL(`../../tools/${name}`, import.meta.url)]
      .map(String),
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
