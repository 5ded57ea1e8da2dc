/** What the checks share: the files of the project, and how a check ends. */

/** The TypeScript files under a directory, as sorted paths relative to it, with "/". */
export function typeScriptFiles(root: string): string[] {
  return [...walk(root, "")].sort();
}

function* walk(root: string, folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${root}/${folder}`)) {
    if (name.startsWith(".") || name === "node_modules") continue;
    if (isDirectory) yield* walk(root, `${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

/** Prints the problems and exits with 1, or says that there are none. */
export function report(name: string, problems: readonly string[]): void {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) Deno.exit(1);
  console.log(`${name}: ok`);
}
