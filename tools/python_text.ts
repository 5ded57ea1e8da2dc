/**
 * Writes languages/python/mmap_peer.py into a module, so that the command line can print it wherever
 * the package was installed: `deno run --allow-read=. --allow-write=src tools/python_text.ts`.
 */

const ROOT = new URL("../", import.meta.url);
const SOURCE = new URL("languages/python/mmap_peer.py", ROOT);

/** The module. */
export const TARGET: URL = new URL("src/cli/python_text.ts", ROOT);

/** What the module has to be. @throws {Error} If the text cannot stand in a template literal. */
export function pythonModule(): string {
  const text = Deno.readTextFileSync(SOURCE);
  if (/`|\$\{/.test(text)) throw new Error(`${SOURCE.pathname} has a backtick or "\${" in it`);
  return `// deno-fmt-ignore-file: the text stays as it is\n\n` +
    `/** languages/python/mmap_peer.py, written here by tools/python_text.ts. */\n\n` +
    `export const PYTHON_TEXT = String.raw\`${text}\`;\n`;
}

if (import.meta.main) Deno.writeTextFileSync(TARGET, pythonModule());
