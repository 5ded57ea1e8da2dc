/** `mmap python` */

import type { Command, Input } from "./command.ts";
import { formatJson } from "./format.ts";
import { print } from "./output.ts";

/** Prints the module for Python programs. */
export const python: Command = {
  name: "python",
  operands: "",
  summary: "prints the module with which Python programs take part",
  details:
    "As in `mmap python > mmap_peer.py`. It must be of the same version as this package. JSON has it as\n" +
    "one string.",
  run: runPython,
};

async function runPython({ json }: Input): Promise<number> {
  // Only here, since it is as long as all the rest.
  const { PYTHON_TEXT } = await import("./python_text.ts");
  await print(json ? formatJson({ name: "mmap_peer.py", text: PYTHON_TEXT }) : PYTHON_TEXT);
  return 0;
}
