/** Pythons, for what is shared with them. */

import { hasProgram } from "./_gcc.ts";

/** A Python that has these packages; undefined if there is none. */
export function pythonWith(...packages: string[]): string | undefined {
  const code = packages.map((name) => `import ${name}`).join("\n");
  return ["python3", "/usr/bin/python3"].find((python) =>
    hasProgram(python) &&
    new Deno.Command(python, { args: ["-c", code], stderr: "null" }).outputSync().success
  );
}
