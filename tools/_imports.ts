/** Reads the imports out of TypeScript source, without the ones in comments. */

/** The string after `from`, of an import or export that may span lines. */
const FROM = /^[ \t]*(?:import|export)\b[^;'"`]*?\bfrom\s*(["'])([^"'\n]+)\1/gm;
const FOR_EFFECT = /^[ \t]*import\s*(["'])([^"'\n]+)\1/gm;
/** `import()`, also in types. A template that is computed has no name to read. */
const DYNAMIC = /\bimport\s*\(\s*(["'`])([^"'`\n$]+)\1/g;

/** What the source imports, type imports included, in order and without repetition. */
export function importsOf(source: string): string[] {
  const code = withoutComments(source);
  const found = [FROM, FOR_EFFECT, DYNAMIC].flatMap((form) => [...code.matchAll(form)]);
  return [...new Set(found.map((match) => match[2]!))];
}

/**
 * Leaves out comments: those that begin a line, which is where documentation has its examples, and
 * those behind a line of code.
 */
export function withoutComments(source: string): string {
  return source.replaceAll(/^[ \t]*\/\*[\s\S]*?\*\//gm, "")
    .replaceAll(/(?:^[ \t]*|[ \t]+)\/\/ .*$/gm, "");
}

/** A relative specifier as a path from the root, with "." and ".." worked out. */
export function resolveImport(importer: string, specifier: string): string {
  return new URL(specifier, `file:///${importer}`).pathname.slice(1);
}
